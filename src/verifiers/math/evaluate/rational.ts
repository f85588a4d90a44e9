/** An exact fraction in lowest terms; `d` is positive. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

/** Longer integers become floating-point numbers, which bounds the work for any text. */
const MAX_BITS = 4096;
/** Reducing a fraction takes time quadratic in its length. */
const MAX_FRACTION_BITS = 2048;

const abs = (x: bigint): bigint => (x < 0n ? -x : x);

const bits = (x: bigint): number => abs(x).toString(16).length * 4;

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [abs(a), abs(b)];
  while (y) [x, y] = [y, x % y];
  return x;
}

/** @returns undefined if `d` is 0 or the fraction is too long */
export function rational(n: bigint, d = 1n): Rational | undefined {
  if (d === 1n && n < 1n << 64n && n > -(1n << 64n)) return { n, d };
  if (d === 0n) return undefined;
  const most = d === 1n ? MAX_BITS : MAX_FRACTION_BITS;
  if (bits(n) > 2 * most || bits(d) > 2 * most) return undefined;
  const g = gcd(n, d) || 1n;
  const sign = d < 0n ? -1n : 1n;
  const reduced = { n: (sign * n) / g, d: (sign * d) / g };
  return bits(reduced.n) > most || bits(reduced.d) > most ? undefined : reduced;
}

export const ZERO: Rational = { n: 0n, d: 1n };
export const ONE: Rational = { n: 1n, d: 1n };

/** @param text digits with at most one point, such as `12.50` or `.5` */
export function parseDecimal(text: string): Rational | undefined {
  const [whole = '', fraction = ''] = text.split('.');
  if (whole.length + fraction.length > 1000) return undefined;
  return rational(BigInt(`${whole}${fraction}` || '0'), 10n ** BigInt(fraction.length));
}

export const add = (a: Rational, b: Rational) => rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const multiply = (a: Rational, b: Rational) => rational(a.n * b.n, a.d * b.d);
export const divide = (a: Rational, b: Rational) => rational(a.n * b.d, a.d * b.n);
export const negate = (a: Rational): Rational => ({ n: -a.n, d: a.d });
export const compare = (a: Rational, b: Rational): number => {
  const difference = a.n * b.d - b.n * a.d;
  return difference === 0n ? 0 : difference > 0n ? 1 : -1;
};

/** @param e an integer
 * @returns undefined if the power would be too long */
export function power(a: Rational, e: bigint): Rational | undefined {
  if (e < 0n) return a.n === 0n ? undefined : power({ n: a.n < 0n ? -a.d : a.d, d: abs(a.n) }, -e);
  if (a.d === 1n && (a.n === 0n || a.n === 1n)) return e === 0n ? ONE : a;
  if (e > 4096n || Number(e) * Math.max(bits(a.n), bits(a.d)) > 2 * MAX_BITS) return undefined;
  return rational(a.n ** e, a.d ** e);
}

function integerRoot(x: bigint, k: bigint): bigint | undefined {
  if (x < 2n) return x;
  let low = 1n;
  let high = 1n << BigInt(Math.ceil(bits(x) / Number(k)) + 1);
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** k <= x) low = middle;
    else high = middle - 1n;
  }
  return low ** k === x ? low : undefined;
}

/** The exact k-th root, if it is rational. Odd roots of negative numbers are negative. */
export function root(a: Rational, k: bigint): Rational | undefined {
  if (k < 1n || k > 64n || bits(a.n) > 1024 || bits(a.d) > 1024) return undefined;
  if (a.n < 0n && k % 2n === 0n) return undefined;
  const n = integerRoot(abs(a.n), k);
  const d = integerRoot(a.d, k);
  return n === undefined || d === undefined ? undefined : { n: a.n < 0n ? -n : n, d };
}

export function toNumber({ n, d }: Rational): number {
  const direct = Number(n) / Number(d);
  if (Number.isFinite(direct) && (direct !== 0 || n === 0n)) return direct;
  const shift = bits(n) - bits(d) - 64;
  const scaled = shift > 0 ? n / (d << BigInt(shift)) : (n << BigInt(-shift)) / d;
  return Number(scaled) * 2 ** shift;
}

/** The absolute difference, not in lowest terms. */
export function distance(a: Rational, b: Rational): Rational {
  return { n: abs(a.n * b.d - b.n * a.d), d: a.d * b.d };
}

/** Rounds half away from zero to a number of decimals; the result counts units of the last one. */
export function rounded({ n, d }: Rational, decimals: number): bigint {
  const scaled = abs(n) * 10n ** BigInt(decimals) * 2n + d;
  const whole = scaled / (2n * d);
  return n < 0n ? -whole : whole;
}
