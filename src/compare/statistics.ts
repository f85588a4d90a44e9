/** Mean, standard error and count of a sample. The standard error of one value is NaN. */
export interface Estimate {
  readonly n: number;
  readonly mean: number;
  readonly se: number;
}

export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, se: n > 1 ? Math.sqrt(variance / n) : Number.NaN };
}

/**
 * `P(|T| < t)` of Student's t distribution with a whole number of degrees of freedom.
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4
 */
export function studentWithin(t: number, df: number): number {
  const theta = Math.atan(Math.abs(t) / Math.sqrt(df));
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const odd = df % 2 === 1;
  let term = odd ? cos : 1;
  let sum = df === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < df - 1; k += 2) {
    term *= ((k - 1) / k) * cos * cos;
    sum += term;
  }
  return Math.min(1, odd ? (2 / Math.PI) * (theta + sin * sum) : sin * sum);
}

/** Half the width of the 95 % confidence interval in standard errors: `t` with `P(|T| < t) = 0.95`. */
export function confidenceFactor(df: number): number {
  let [low, high] = [0, 1e4];
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, df) < 0.95) low = middle;
    else high = middle;
  }
  return high;
}

/** Differences between two arms over the same seeds. */
export interface PairedDifference extends Estimate {
  /** Of the 95 % confidence interval; NaN for one pair. */
  readonly low: number;
  readonly high: number;
  /** Two-sided, of the paired t test; NaN for one pair, 0 or 1 where all differences are equal. */
  readonly p: number;
  /** Pairs in which the first arm is better. */
  readonly wins: number;
}

/** @throws {RangeError} where the arms have different numbers of values */
export function pairedDifference(one: readonly number[], other: readonly number[]): PairedDifference {
  if (one.length !== other.length)
    throw new RangeError(`found ${one.length} and ${other.length} values, expected pairs`);
  const differences = one.map((value, i) => value - Number(other[i]));
  const { n, mean, se } = estimate(differences);
  const wins = differences.filter((difference) => difference > 0).length;
  if (n < 2) return { n, mean, se, low: Number.NaN, high: Number.NaN, p: Number.NaN, wins };
  const half = confidenceFactor(n - 1) * se;
  const p = se === 0 ? (mean === 0 ? 1 : 0) : 1 - studentWithin(mean / se, n - 1);
  return { n, mean, se, low: mean - half, high: mean + half, p, wins };
}

/**
 * p values corrected for their number by Holm's step-down method, in the order given. NaN stays and does not count.
 * @see Holm, A simple sequentially rejective multiple test procedure, 1979
 */
export function holm(values: readonly number[]): number[] {
  const order = values
    .map((p, i) => ({ p, i }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const corrected = values.map(() => Number.NaN);
  let largest = 0;
  for (const [rank, { p, i }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (order.length - rank)));
    corrected[i] = largest;
  }
  return corrected;
}
