import type { Expressions, LossBuild, LossInput, LossPoint } from './expressions.js';

/** A value at one token: one number, or one per candidate. */
type Numbers = readonly number[];

const at = (values: Numbers, index: number): number => {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length} numbers`);
  return value;
};

const pairwise =
  (f: (x: number, y: number) => number) =>
  (a: Numbers, b: Numbers): Numbers => {
    if (a.length === 1) return b.map((y) => f(at(a, 0), y));
    if (b.length === 1) return a.map((x) => f(x, at(b, 0)));
    if (a.length !== b.length) throw new RangeError(`${a.length} numbers do not combine with ${b.length}`);
    return a.map((x, i) => f(x, at(b, i)));
  };

/** Plain float64 arithmetic at one token. */
const numbers: Expressions<Numbers> = {
  constant: (value) => [value],
  add: pairwise((x, y) => x + y),
  sub: pairwise((x, y) => x - y),
  mul: pairwise((x, y) => x * y),
  div: pairwise((x, y) => x / y),
  min: pairwise(Math.min),
  max: pairwise(Math.max),
  neg: (a) => a.map((x) => -x),
  exp: (a) => a.map(Math.exp),
  log: (a) => a.map(Math.log),
  clip: (a, low, high) => a.map((x) => Math.min(Math.max(x, low), high)),
  lessOrEqual: pairwise((x, y) => Number(x <= y)),
  equal: pairwise((x, y) => Number(x === y)),
  where: (condition, yes, no) => {
    const length = Math.max(condition.length, yes.length, no.length);
    const pick = (values: Numbers, i: number): number => at(values, values.length === 1 ? 0 : i);
    return Array.from({ length }, (_, i) => (pick(condition, i) ? pick(yes, i) : pick(no, i)));
  },
  sumLast: (a) => [a.reduce((sum, x) => sum + x, 0)],
  expandLast: (a) => a,
};

/** One token as a loss sees it; only what the loss reads must be there. */
export interface LossToken {
  readonly logprob: number;
  readonly samplingLogprob?: number;
  readonly advantage?: number;
  readonly referenceLogprob?: number;
  readonly topLogprobs?: readonly number[];
  readonly targetTopLogprobs?: readonly number[];
  readonly targetTailLogprob?: number;
}

export interface EvaluatedLoss {
  readonly value: number;
  /** d value / d logprob. */
  readonly gradient: number;
  /** d value / d topLogprobs, one per candidate. */
  readonly topGradient: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * The loss of one token in float64.
 * @throws {RangeError} when the loss reads something that the token lacks
 * @example evaluateLoss(clippedPolicy.create(), { logprob: -1, samplingLogprob: -1, advantage: 2 }).value // -2
 */
export function evaluateLoss(loss: { readonly build: LossBuild }, token: LossToken): EvaluatedLoss {
  const read = (name: keyof LossToken): Numbers => {
    const value = token[name];
    if (value === undefined) throw new RangeError(`the loss reads ${name}, which the token lacks`);
    return typeof value === 'number' ? [value] : value;
  };
  const { value, gradient, metrics } = loss.build(numbers, {
    logprobs: [token.logprob],
    get samplingLogprobs() {
      return read('samplingLogprob');
    },
    get tokenAdvantages() {
      return read('advantage');
    },
    get referenceLogprobs() {
      return read('referenceLogprob');
    },
    get topLogprobs() {
      return read('topLogprobs');
    },
    get targetTopLogprobs() {
      return read('targetTopLogprobs');
    },
    get targetTailLogprobs() {
      return read('targetTailLogprob');
    },
  });
  const { logprobs = [0], topLogprobs = [] } = gradient;
  const candidates = token.topLogprobs?.length ?? 0;
  return {
    value: at(value, 0),
    gradient: at(logprobs, 0),
    topGradient: topLogprobs.length === candidates ? topLogprobs : Array<number>(candidates).fill(topLogprobs[0] ?? 0),
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, at(metric, 0)])),
  };
}

/** What a loss reads and reports, found by evaluating it once. */
export function traceLoss(build: LossBuild): {
  readonly inputs: readonly LossInput[];
  readonly readsTop: boolean;
  readonly metrics: readonly string[];
} {
  const inputs = new Set<LossInput>();
  let readsTop = false;
  const input = (name: LossInput): Numbers => {
    inputs.add(name);
    return [-1];
  };
  const point: LossPoint<Numbers> = {
    logprobs: [-1],
    get samplingLogprobs() {
      return input('samplingLogprobs');
    },
    get tokenAdvantages() {
      return input('tokenAdvantages');
    },
    get referenceLogprobs() {
      return input('referenceLogprobs');
    },
    get topLogprobs() {
      readsTop = true;
      return [-1];
    },
    get targetTopLogprobs() {
      readsTop = true;
      return input('targetTopLogprobs');
    },
    get targetTailLogprobs() {
      readsTop = true;
      return input('targetTailLogprobs');
    },
  };
  const { metrics } = build(numbers, point);
  return { inputs: [...inputs], readsTop, metrics: Object.keys(metrics) };
}
