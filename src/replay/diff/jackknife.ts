import { at } from '../../support/required.js';

/** What was added up over the prompts of one block, as vectors over all parameters. */
export interface Block {
  readonly prompts: number;
  /** A method's update. */
  readonly update: Float32Array;
  /** The policy gradient. */
  readonly gradient: Float32Array;
  /** Of each prompt with itself, added up: update times gradient, and the squares of both. */
  readonly own: Dots;
}

interface Dots {
  readonly cross: number;
  readonly update: number;
  readonly gradient: number;
}

/** A mean and its standard error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/**
 * The expected cosine between an update from `batch` prompts and the policy gradient of other prompts. With `m_ab` the
 * mean of `a_i · b_j` over all pairs of different prompts, and `s` that of `|u_i|²`, it is
 * `m_ug / sqrt(m_gg (m_uu + (s - m_uu) / batch))`: what a prompt's update and gradient share only with each other does
 * not count, and the noise of a small batch does. 0 where there is no gradient.
 * @returns over all blocks first, then without each of them
 */
export function crossCosines(blocks: readonly Block[], batch: number): readonly number[] {
  const length = blocks[0]?.update.length ?? 0;
  const [update, gradient] = [new Float64Array(length), new Float64Array(length)];
  for (const block of blocks) {
    addTo(update, block.update);
    addTo(gradient, block.gradient);
  }
  const prompts = blocks.reduce((sum, block) => sum + block.prompts, 0);
  const own = blocks.reduce((sum, block) => plus(sum, block.own, 1), { cross: 0, update: 0, gradient: 0 });
  const all = { cross: dot(update, gradient), update: dot(update, update), gradient: dot(gradient, gradient) };
  const without = blocks.map((block) => {
    const { update: u, gradient: g } = block;
    const left = {
      cross: all.cross - dot(u, gradient) - dot(update, g) + dot(u, g),
      update: all.update - 2 * dot(u, update) + dot(u, u),
      gradient: all.gradient - 2 * dot(g, gradient) + dot(g, g),
    };
    return cosine(left, plus(own, block.own, -1), prompts - block.prompts, batch);
  });
  return [cosine(all, own, prompts, batch), ...without];
}

const plus = (a: Dots, b: Dots, factor: number): Dots => ({
  cross: a.cross + factor * b.cross,
  update: a.update + factor * b.update,
  gradient: a.gradient + factor * b.gradient,
});

/** @param sums dot products of the summed vectors */
function cosine(sums: Dots, own: Dots, prompts: number, batch: number): number {
  const between = (of: keyof Dots) => (sums[of] - own[of]) / (prompts * (prompts - 1));
  const shared = between('update');
  const squares = between('gradient') * (shared + (own.update / prompts - shared) / batch);
  return squares > 0 ? between('cross') / Math.sqrt(squares) : 0;
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
