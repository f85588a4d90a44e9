import { at } from '../../support/required.js';

/** What was added up over the prompts of one block, as vectors over all parameters. */
export interface Block {
  /** A method's update. */
  readonly update: Float32Array;
  /** The policy gradient. */
  readonly gradient: Float32Array;
  /** Of each prompt's update with the same prompt's gradient, added up. */
  readonly ownDot: number;
}

/** A mean and its standard error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/**
 * The cosine between an update, over all prompts, and the policy gradient of other prompts:
 * `Σ_{i≠j} u_i · g_j / (|Σ u_i| |Σ g_j|)`, so that a prompt's own noise, which both vectors have, does not count. 0
 * where one of them is 0.
 * @returns over all blocks first, then without each of them
 */
export function crossCosines(blocks: readonly Block[]): readonly number[] {
  const length = blocks[0]?.update.length ?? 0;
  const [update, gradient] = [new Float64Array(length), new Float64Array(length)];
  for (const block of blocks) {
    addTo(update, block.update);
    addTo(gradient, block.gradient);
  }
  const own = blocks.reduce((sum, { ownDot }) => sum + ownDot, 0);
  const cosine = (cross: number, squares: readonly [number, number]): number => {
    const norms = Math.sqrt(Math.max(0, squares[0]) * Math.max(0, squares[1]));
    return norms === 0 ? 0 : cross / norms;
  };
  const squares = [dot(update, update), dot(gradient, gradient)] as const;
  const all = dot(update, gradient);
  const without = blocks.map((block) => {
    const { update: u, gradient: g, ownDot } = block;
    const cross = all - dot(u, gradient) - dot(update, g) + dot(u, g) - (own - ownDot);
    return cosine(cross, [squares[0] - 2 * dot(u, update) + dot(u, u), squares[1] - 2 * dot(g, gradient) + dot(g, g)]);
  });
  return [cosine(all - own, squares), ...without];
}

/**
 * The jackknife's standard error of a statistic from its values without each of n blocks:
 * `sqrt((n - 1) / n Σ (θ_b - mean θ)²)`.
 * @param values over all blocks first, then without each of them
 * @see Efron and Stein, The jackknife estimate of variance (1981)
 */
export function jackknife([value = Number.NaN, ...without]: readonly number[]): Estimate {
  const n = without.length;
  const mean = without.reduce((sum, one) => sum + one, 0) / n;
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { value, error: n < 2 ? Number.NaN : Math.sqrt(((n - 1) / n) * squares) };
}

/** The difference of two statistics of the same blocks. */
export const jackknifeDifference = (a: readonly number[], b: readonly number[]): Estimate =>
  jackknife(a.map((value, i) => value - at(b, i)));

type Vector = Float32Array | Float64Array;

/** @throws {RangeError} where their lengths differ */
export function addTo(sum: Vector, values: Vector, factor = 1): void {
  if (sum.length !== values.length) throw new RangeError(`found ${values.length} numbers, expected ${sum.length}`);
  // An accessor that throws would cost speed here; the lengths are equal.
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + factor * (values[i] ?? 0);
}

/** @throws {RangeError} where their lengths differ */
export function dot(a: Vector, b: Vector): number {
  if (a.length !== b.length) throw new RangeError(`found ${b.length} numbers, expected ${a.length}`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
