import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceByPosition, differenceMetrics } from '../../../src/privileged/leaks/score-difference.js';

const of = (student: number[], teacher: number[]) => ({
  student: Float32Array.from(student),
  teacher: Float32Array.from(teacher),
});

describe('differenceByPosition', () => {
  it('divides each completion into equal sections', () => {
    const differences = differenceByPosition([of([-1, -1, -1, -1], [-1, -1, -3, -2]), of([-2, -2], [-1, -2])], 2);
    expect(differences).toEqual([
      { tokens: 3, mean: 1 / 3, meanAbsolute: 1 / 3 },
      { tokens: 3, mean: -1, meanAbsolute: 1 },
    ]);
    expect(differenceMetrics(differences)).toEqual({ teacherMinusStudent0: 1 / 3, teacherMinusStudent1: -1 });
  });

  it('bounds an infinite difference, and refuses lengths that differ', () => {
    const [all] = differenceByPosition([of([-1, -1], [-3, Number.NEGATIVE_INFINITY])], 1);
    expect(all).toEqual({ tokens: 2, mean: -2, meanAbsolute: 2 });
    expect(() => differenceByPosition([of([1], [1, 2])], 1)).toThrow(/found 2, expected 1/);
    expect(() => differenceByPosition([of([Number.NaN], [1])], 1)).toThrow(/NaN/);
    expect(() => differenceByPosition([], 0)).toThrow(RangeError);
  });

  it('counts every token exactly once', () => {
    const value = fc.float({ min: -20, max: 0, noNaN: true });
    const pair = fc.array(fc.tuple(value, value), { maxLength: 40 }).map((tokens) =>
      of(
        tokens.map(([s]) => s),
        tokens.map(([, t]) => t),
      ),
    );
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 5 }), fc.integer({ min: 1, max: 12 }), (samples, buckets) => {
        const parts = differenceByPosition(samples, buckets);
        const [whole] = differenceByPosition(samples, 1);
        expect(parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(whole?.tokens);
        expect(parts.reduce((sum, { tokens, mean }) => sum + tokens * mean, 0)).toBeCloseTo(
          (whole?.mean ?? 0) * (whole?.tokens ?? 0),
          6,
        );
      }),
    );
  });
});
