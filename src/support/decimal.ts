/**
 * A decimal number without limits: `0.digits × 10^exponent`. The digits have no zeros at either end; zero has none, and
 * neither a sign nor an exponent. Equal numbers have equal fields.
 */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: bigint;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads a number as JSON writes it. @throws {RangeError} for any other text */
export function decimalOf(text: string): Decimal {
  const [, sign, whole, fraction = '', power = '0'] = NUMBER.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`found ${JSON.stringify(text)}, expected a decimal number`);
  const written = whole + fraction;
  const digits = trimZeros(written);
  if (digits === '') return { negative: false, digits, exponent: 0n };
  const leading = /^0*/.exec(written)?.[0].length ?? 0;
  return { negative: sign === '-', digits, exponent: BigInt(power) + BigInt(whole.length - leading) };
}

function trimZeros(digits: string): string {
  let start = 0;
  let end = digits.length;
  while (digits[start] === '0') start++;
  while (end > start && digits[end - 1] === '0') end--;
  return digits.slice(start, end);
}

/** A text that is equal only for equal numbers. */
export const decimalKey = ({ negative, digits, exponent }: Decimal): string =>
  `${negative ? '-' : ''}${digits}e${exponent}`;

/** Below 0 if `a` is the smaller number, 0 if they are equal. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const sign = (value: Decimal) => (value.digits === '' ? 0 : value.negative ? -1 : 1);
  if (sign(a) !== sign(b) || sign(a) === 0) return sign(a) - sign(b);
  if (a.exponent !== b.exponent) return a.exponent > b.exponent ? sign(a) : -sign(a);
  return a.digits === b.digits ? 0 : a.digits > b.digits ? sign(a) : -sign(a);
}

export const isWhole = ({ digits, exponent }: Decimal): boolean => exponent >= BigInt(digits.length);

/** Whether a value is a whole multiple of a step. Large exponents take no more time. */
export function isMultipleOf(value: Decimal, step: Decimal): boolean {
  if (value.digits === '' || step.digits === '') return value.digits === '';
  const divisor = BigInt(step.digits);
  // Powers of ten of the two as whole numbers, value over step.
  const power = value.exponent - BigInt(value.digits.length) - (step.exponent - BigInt(step.digits.length));
  if (power >= 0n) return (BigInt(value.digits) * powerModulo(10n, power, divisor)) % divisor === 0n;
  // The value's last digit is not 0, so it is no multiple of 10.
  return false;
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** How far a number may be from the wanted one: by the larger of the two. */
export interface Tolerance {
  readonly absolute: number;
  /** As a share of the wanted number. */
  readonly relative: number;
}

/** Whether a number is as near to the wanted one as the tolerance says, computed without rounding. */
export function isNear(value: Decimal, wanted: Decimal, { absolute, relative }: Tolerance): boolean {
  const [is, was] = [scaled(value), scaled(wanted)];
  const [fixed, share] = [scaled(decimalOf(String(absolute))), scaled(decimalOf(String(relative)))];
  const proportional = { digits: magnitude(was.digits) * share.digits, power: was.power + share.power };
  const powers = [is, was, fixed, proportional].map(({ power }) => power);
  const lowest = powers.reduce((least, power) => (power < least ? power : least));
  const whole = ({ digits, power }: Scaled) => digits * 10n ** (power - lowest);
  const difference = magnitude(whole(is) - whole(was));
  return difference <= whole(fixed) || difference <= whole(proportional);
}

/** `digits × 10^power` */
interface Scaled {
  readonly digits: bigint;
  readonly power: bigint;
}

function scaled({ negative, digits, exponent }: Decimal): Scaled {
  const whole = BigInt(digits === '' ? '0' : digits);
  return { digits: negative ? -whole : whole, power: digits === '' ? 0n : exponent - BigInt(digits.length) };
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
