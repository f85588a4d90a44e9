/**
 * The arithmetic that a loss is written in. A training engine implements it over nodes of its graph; `evaluateLoss`
 * implements it over plain numbers. Operands are `[B, T]` (one entry per token) or `[B, T, K]` (one per token and
 * candidate), or constants.
 */
export interface Expressions<V> {
  constant(value: number): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  div(a: V, b: V): V;
  min(a: V, b: V): V;
  max(a: V, b: V): V;
  neg(a: V): V;
  exp(a: V): V;
  /** Natural logarithm. */
  log(a: V): V;
  clip(a: V, low: number, high: number): V;
  /** A condition for `where`. */
  lessOrEqual(a: V, b: V): V;
  /** A condition for `where`. */
  equal(a: V, b: V): V;
  where(condition: V, yes: V, no: V): V;
  /** Sums over the candidates: `[B, T, K]` to `[B, T]`. */
  sumLast(a: V): V;
  /** `[B, T]` to `[B, T, 1]`, which combines with `[B, T, K]`. */
  expandLast(a: V): V;
}

/**
 * What a loss may read at each token. All log-probabilities are natural logarithms under the sample's temperature. What
 * a loss reads is what its samples must carry; a loss that never touches `topLogprobs`, say, trains on samples without
 * distillation targets.
 */
export interface LossPoint<V> {
  /** Log-probability of the sampled token under the model being trained, `[B, T]`. */
  readonly logprobs: V;
  /** Log-probability of the sampled token when it was sampled, `[B, T]`. */
  readonly samplingLogprobs: V;
  /** `[B, T]`. */
  readonly tokenAdvantages: V;
  /**
   * Log-probability of the sampled token under the reference policy, `[B, T]`; the base model unless the sample brings
   * its own.
   */
  readonly referenceLogprobs: V;
  /** Log-probabilities of the distillation targets' tokens under the model being trained, `[B, T, K]`. */
  readonly topLogprobs: V;
  /** The same under the teacher, `[B, T, K]`. */
  readonly targetTopLogprobs: V;
  /** Log of the probability that the teacher gives to all other tokens, `[B, T]`; -infinity where there are none. */
  readonly targetTailLogprobs: V;
}

/** An input that a sample must carry; `logprobs` and `topLogprobs` come from the model. */
export type LossInput = Exclude<keyof LossPoint<unknown>, 'logprobs' | 'topLogprobs'>;

export interface LossTerms<V> {
  /** The loss of each token, `[B, T]`, before it is weighted by the token's share of the mean. */
  readonly value: V;
  /** d value / d logprobs, `[B, T]`, and d value / d topLogprobs, `[B, T, K]`; one left out is 0. */
  readonly gradient: { readonly logprobs?: V; readonly topLogprobs?: V };
  /** Further figures of each token, `[B, T]`; a step reports their mean over trained tokens. */
  readonly metrics: Readonly<Record<string, V>>;
}

/** The terms of a loss, in any arithmetic. */
export type LossBuild = <V>(e: Expressions<V>, at: LossPoint<V>) => LossTerms<V>;
