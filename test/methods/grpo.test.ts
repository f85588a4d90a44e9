import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grpo } from '../../src/methods/grpo.js';
import { groupAdvantages } from '../../src/methods/parts/advantage.js';
import { groupOf, groups, judged, nth } from './groups.js';

describe('grpo', () => {
  it('needs no teacher and has no statistics', () => {
    expect(grpo().teacher).toEqual({ scores: 'none' });
    expect(nth(grpo().shape(groupOf(judged(1, [-1], null)), 0), 0).stats).toEqual({});
  });

  it('keeps its id, which records of earlier runs name', () => {
    expect(grpo().id).toBe('grpo@bf7f50f4a5e180cf');
    expect(grpo({ scale: 'center' }).id).not.toBe(grpo().id);
  });

  it("gives every unmasked token its completion's advantage", () => {
    fc.assert(
      fc.property(groups, fc.constantFrom('std' as const, 'center' as const), (group, scale) => {
        const advantages = groupAdvantages(
          group.samples.map(({ reward }) => reward),
          scale,
        );
        for (const [i, { advantage, tokenAdvantages }] of grpo({ scale }).shape(group, 3).entries()) {
          expect(advantage).toBe(nth(advantages, i));
          const { mask } = nth(group.samples, i);
          expect([...tokenAdvantages]).toEqual(Array.from(mask, (m) => (m ? advantage : 0)));
        }
      }),
    );
  });
});
