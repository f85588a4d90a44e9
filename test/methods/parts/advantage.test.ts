import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupAdvantages } from '../../../src/methods/parts/advantage.js';
import { nth } from '../groups.js';

describe('groupAdvantages', () => {
  it('divides by the sample standard deviation', () => {
    const advantages = groupAdvantages([1, 0]);
    expect(nth(advantages, 0)).toBeCloseTo(0.5 / (Math.SQRT1_2 + 1e-6), 12);
    expect(nth(advantages, 1)).toBe(-nth(advantages, 0));
  });

  it('only centers when asked', () => expect(groupAdvantages([1, 0, 0, 1], 'center')).toEqual([0.5, -0.5, -0.5, 0.5]));

  it('subtracts the mean of the others with leaveOneOut', () => {
    expect(groupAdvantages([1, 0, 0], 'leaveOneOut').map((a) => a.toFixed(12))).toEqual(
      [1, -0.5, -0.5].map((a) => a.toFixed(12)),
    );
  });

  it('is exactly 0 for a group of one and for equal rewards', () => {
    expect(groupAdvantages([0.7])).toEqual([0]);
    expect(groupAdvantages([0.1, 0.1, 0.1])).toEqual([0, 0, 0]);
  });

  it('sums to 0 and keeps the order of the rewards', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 16 }), (rewards) => {
        const advantages = groupAdvantages(rewards);
        expect(Math.abs(advantages.reduce((a, b) => a + b, 0))).toBeLessThan(1e-6);
        for (const [i, r] of rewards.entries())
          for (const [j, s] of rewards.entries())
            if (r > s) expect(nth(advantages, i)).toBeGreaterThanOrEqual(nth(advantages, j));
      }),
    );
  });
});
