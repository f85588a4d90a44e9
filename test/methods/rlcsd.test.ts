import { describe, expect, it } from 'vitest';
import { grpo } from '../../src/methods/grpo.js';
import { rlcsd } from '../../src/methods/rlcsd.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';
import { groupOf, judged, nth } from './groups.js';

describe('rlcsd', () => {
  const method = rlcsd({ lambda: 1, weightClip: [0.1, 9] });
  const hints = (rewards: readonly number[], i: number) => {
    const group = rewards.map((reward, k) => ({
      ...verdictOf(rolloutOf(promptOf(0), k, rewards.length), reward),
      completion: String(k),
    }));
    return method.siblingContext?.(group, nth(group, i));
  };

  it('contrasts the best other completion with the worst', () => {
    expect(method.teacher).toEqual({ scores: 'sampled', model: 'self', context: 'siblings' });
    expect(hints([1, 0, 1, 0], 0)).toEqual({ text: '2', contrast: '1' });
    expect(hints([1, 0, 1, 0], 3)).toEqual({ text: '0', contrast: '1' });
  });

  it('has no contrast where the others are equally good', () => {
    expect(hints([1, 0, 0], 0)).toBeNull();
    expect(hints([1], 0)).toBeNull();
  });

  it('weighs by the difference of the two, and gives uniform credit without them', () => {
    const group = groupOf(
      judged(1, [-5, -5], [-1, -2], { contrastLogprobs: [-2, -2] }),
      judged(0, [-1], [-2], { contrastLogprobs: [-1] }),
      judged(0, [-1], null),
    );
    const shaped = method.shape(group, 0);
    const weights = shaped.map(({ advantage, tokenAdvantages }) => Array.from(tokenAdvantages, (a) => a / advantage));
    expect(nth(nth(weights, 0), 0)).toBeCloseTo(Math.exp(1), 9);
    expect(nth(nth(weights, 0), 1)).toBe(1);
    expect(nth(nth(weights, 1), 0)).toBeCloseTo(Math.exp(1), 9);
    expect(nth(shaped, 2).tokenAdvantages).toEqual(nth(grpo().shape(group, 0), 2).tokenAdvantages);
  });

  it('takes two contexts that both rule a token out for no evidence', () => {
    const never = Number.NEGATIVE_INFINITY;
    const group = groupOf(judged(1, [-1], [never], { contrastLogprobs: [never] }), judged(0, [-1], null));
    const [good] = method.shape(group, 0);
    expect(good?.tokenAdvantages[0]).toBe(good?.advantage);
  });
});
