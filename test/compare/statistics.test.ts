import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { confidenceFactor, estimate, holm, pairedDifference, studentWithin } from '../../src/compare/statistics.js';

// Values of scipy.stats.t and scipy.stats.ttest_rel, SciPy 1.14.
describe('studentWithin', () => {
  it.each([
    [1, 1, 0.5],
    [2, 2, 0.816496580927726],
    [1.5, 3, 0.769401639365],
    [2.5, 7, 0.958983671634],
    [0.5, 8, 0.369428544846],
    [3, 30, 0.994612145606],
  ])('gives P(|T| < %f) for %i degrees of freedom', (t, df, expected) => {
    expect(studentWithin(t, df)).toBeCloseTo(expected, 3);
  });

  it('grows from 0 towards 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 30, noNaN: true }), (df, t) => {
        const within = studentWithin(t, df);
        expect(within).toBeGreaterThanOrEqual(0);
        expect(within).toBeLessThanOrEqual(1);
        expect(studentWithin(t + 0.1, df)).toBeGreaterThan(within - 1e-12);
      }),
    );
  });
});

it.each([
  [1, 12.7062],
  [7, 2.36462],
  [9, 2.26216],
  [19, 2.09302],
])('the 95 %% interval of %i degrees of freedom is %f standard errors each way', (df, expected) => {
  expect(confidenceFactor(df)).toBeCloseTo(expected, 4);
});

it('estimates mean and standard error, which one value does not have', () => {
  expect(estimate([1, 2, 3, 4])).toEqual({ n: 4, mean: 2.5, se: Math.sqrt(5 / 12) });
  expect(estimate([1])).toEqual({ n: 1, mean: 1, se: Number.NaN });
});

describe('pairedDifference', () => {
  it('is the paired t test', () => {
    const found = pairedDifference([0.9, 0.85, 0.88, 0.91], [0.86, 0.84, 0.83, 0.9]);
    expect(found.mean).toBeCloseTo(0.0275, 12);
    expect(found.se).toBeCloseTo(0.0103078, 6);
    expect(found.p).toBeCloseTo(0.0759, 3);
    expect(found.low).toBeCloseTo(0.0275 - 3.18245 * 0.0103078, 5);
    expect(found.wins).toBe(4);
  });

  it('has no p value for one pair, and a certain one for equal differences', () => {
    expect(pairedDifference([1], [0]).p).toBeNaN();
    expect(pairedDifference([1, 1], [1, 1]).p).toBe(1);
    expect(pairedDifference([1, 1], [0, 0]).p).toBe(0);
    expect(() => pairedDifference([1], [])).toThrow(RangeError);
  });
});

describe('holm', () => {
  it('multiplies the smallest by the number of tests, the next by one less, and never falls', () => {
    const found = holm([0.01, 0.04, 0.03, 0.005]);
    for (const [i, expected] of [0.03, 0.06, 0.06, 0.02].entries()) expect(found[i]).toBeCloseTo(expected, 12);
  });

  it('leaves out what has no p value', () => expect(holm([Number.NaN, 0.02])).toEqual([Number.NaN, 0.02]));
});
