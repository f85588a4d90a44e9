import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreementMeter } from '../../../src/replay/diff/agreement.js';

const agreement = (pairs: readonly (readonly [number, number])[]) => {
  const meter = agreementMeter();
  for (const [was, is] of pairs) meter.add(was, is);
  return meter.result();
};
const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const series = fc.array(number, { minLength: 1, maxLength: 40 });

describe('agreementMeter', () => {
  it('of a series with itself has no change, and a correlation of 1 unless it is constant', () => {
    fc.assert(
      fc.property(series, (values) => {
        const { changed, meanAbsoluteDifference, correlation } = agreement(values.map((one) => [one, one]));
        expect([changed, meanAbsoluteDifference]).toEqual([0, 0]);
        expect([1, null]).toContain(correlation);
      }),
    );
  });

  it('is symmetric', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { maxLength: 40 }), (pairs) => {
        const [there, back] = [agreement(pairs), agreement(pairs.map(([a, b]) => [b, a]))];
        expect(back.changed).toBe(there.changed);
        expect(back.meanAbsoluteDifference).toBeCloseTo(there.meanAbsoluteDifference, 9);
        expect(back.correlation ?? 0).toBeCloseTo(there.correlation ?? 0, 9);
      }),
    );
  });

  it('has a correlation of -1 for opposite series, and none for a constant one', () => {
    expect(
      agreement([
        [0, 4],
        [1, 2],
        [2, 0],
      ]),
    ).toEqual({ changed: 3, meanAbsoluteDifference: 7 / 3, correlation: -1 });
    expect(
      agreement([
        [1, 0],
        [1, 5],
      ]).correlation,
    ).toBeNull();
  });
});
