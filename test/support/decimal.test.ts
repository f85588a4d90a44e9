import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalOf, isNear } from '../../src/support/decimal.js';

const near = (value: string, wanted: string, absolute = 0, relative = 0) =>
  isNear(decimalOf(value), decimalOf(wanted), { absolute, relative });

describe('isNear', () => {
  it.each([
    ['9007199254740993', '9007199254740992', 0, 0, false],
    ['9007199254740993', '9007199254740992', 1, 0, true],
    ['12345678901234567999', '12345678901234567890', 0, 0, false],
    ['0.4', '0.3', 0.1, 0, true],
    ['0.41', '0.3', 0.1, 0, false],
    ['101', '100', 0, 0.01, true],
    ['-101', '-100', 0, 0.01, true],
    ['101.1', '100', 0, 0.01, false],
    ['1e300', '1e-300', 0, 1e-9, false],
    ['0', '-0', 0, 0, true],
    ['1.50', '15e-1', 0, 0, true],
  ])('%s, wanted %s, within %s or %s of it: %s', (value, wanted, absolute, relative, expected) =>
    expect(near(value, wanted, absolute, relative)).toBe(expected),
  );

  it('agrees with whole-number arithmetic', () => {
    const whole = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n });
    fc.assert(
      fc.property(whole, fc.bigInt({ min: -9n, max: 9n }), fc.nat(9), (wanted, offset, absolute) => {
        const isWithin = (offset < 0n ? -offset : offset) <= BigInt(absolute);
        expect(near(String(wanted + offset), String(wanted), absolute)).toBe(isWithin);
      }),
    );
  });
});
