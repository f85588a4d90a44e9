import type { z } from 'zod';
import { digest } from '../support/digest.js';
import { parseSettings } from '../support/settings.js';
import type { Expressions, LossBuild, LossInput, LossPoint, LossTerms } from './expressions.js';
import { traceLoss } from './numbers.js';

/**
 * A loss as it is written down. `build` states value, gradient and metrics once; the training graph and every check
 * follow from it.
 */
export interface LossTemplate<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** One sentence, for the docs. */
  readonly summary: string;
  /** Each field described with `.describe()`; the texts go into the JSON Schema. */
  readonly settings: S;
  /** Whether a token without advantage has no gradient, so that samples without any need not be computed. */
  readonly needsAdvantage: boolean;
  readonly build: <V>(e: Expressions<V>, at: LossPoint<V>, settings: z.output<S>) => LossTerms<V>;
}

export interface LossDefinition extends Pick<LossTemplate, 'name' | 'summary' | 'settings' | 'needsAdvantage'> {
  /**
   * Binds the loss to its settings.
   * @throws {UserError} `bad-loss-settings` naming the loss and the setting
   * @example clippedPolicy.create({ clip: [0.2, 0.28] })
   */
  create(settings?: object): Loss;
}

/** One term of a loss: a definition bound to its settings, times a coefficient. */
export interface LossPart {
  readonly name: string;
  readonly coefficient: number;
  readonly settings: unknown;
  readonly needsAdvantage: boolean;
  readonly build: LossBuild;
  /** The definition with other settings, times 1. */
  readonly withSettings: (settings: object) => LossPart;
}

/** A definition bound to its settings, or a sum of such. */
export interface Loss {
  /** The names of its parts: `clippedPolicy+0.1*referenceKl`. */
  readonly name: string;
  /** Name and hash of the settings. */
  readonly id: string;
  readonly parts: readonly LossPart[];
  /** What samples must carry. */
  readonly inputs: readonly LossInput[];
  /** Whether it reads log-probabilities of distillation targets. */
  readonly readsTop: boolean;
  readonly metrics: readonly string[];
  readonly needsAdvantage: boolean;
  readonly build: LossBuild;
}

/**
 * Makes a loss from its template.
 *
 * @example
 * // REINFORCE: no ratio, no clipping.
 * export default defineLoss({
 *   name: 'reinforce',
 *   summary: 'Log-likelihood weighted by advantage.',
 *   settings: z.strictObject({}),
 *   needsAdvantage: true,
 *   build: (e, at) => ({
 *     value: e.neg(e.mul(at.tokenAdvantages, at.logprobs)),
 *     gradient: { logprobs: e.neg(at.tokenAdvantages) },
 *     metrics: {},
 *   }),
 * });
 */
export function defineLoss<S extends z.ZodObject>(template: LossTemplate<S>): LossDefinition {
  const { name, summary, settings, needsAdvantage } = template;
  return {
    name,
    summary,
    settings,
    needsAdvantage,
    create: (input = {}) => lossOf([partOf(template, input)]),
  };
}

/**
 * The weighted sum of losses. Metrics of all parts are reported together.
 * @throws {RangeError} when two parts have a metric of the same name, or a coefficient is not a finite number
 * @example sumLosses([[1, clippedPolicy.create()], [0.1, referenceKl.create()]])
 */
export function sumLosses(terms: readonly (readonly [coefficient: number, loss: Loss])[]): Loss {
  return lossOf(
    terms.flatMap(([coefficient, { parts }]) => {
      if (!Number.isFinite(coefficient))
        throw new RangeError(`a loss has coefficient ${coefficient}, expected a number`);
      return parts.map((part) => ({ ...part, coefficient: part.coefficient * coefficient }));
    }),
  );
}

/**
 * The loss with other settings for the parts named `name`; other parts, and a loss without such a part, stay as they
 * are.
 */
export function withLossSettings(loss: Loss, name: string, settings: object): Loss {
  return lossOf(
    loss.parts.map((part) =>
      part.name === name ? { ...part.withSettings(settings), coefficient: part.coefficient } : part,
    ),
  );
}

function partOf<S extends z.ZodObject>(template: LossTemplate<S>, input: object): LossPart {
  const { name, needsAdvantage, build } = template;
  const settings = parseSettings(template.settings, input, `loss ${name}`, 'bad-loss-settings');
  return {
    name,
    coefficient: 1,
    settings,
    needsAdvantage,
    build: (e, at) => build(e, at, settings),
    withSettings: (other) => partOf(template, { ...input, ...other }),
  };
}

function lossOf(parts: readonly LossPart[]): Loss {
  if (parts.length === 0) throw new RangeError('a sum of losses has no part; expected one at least');
  const build = <V>(e: Expressions<V>, at: LossPoint<V>): LossTerms<V> =>
    parts.map((part) => scale(e, part.build(e, at), part.coefficient)).reduce((a, b) => addTerms(e, a, b));
  const name = parts.map((part) => (part.coefficient === 1 ? part.name : `${part.coefficient}*${part.name}`)).join('+');
  const settings = parts.map((part) => [part.name, part.coefficient, part.settings]);
  return {
    name,
    id: `${name}@${digest(JSON.stringify(settings)).slice(0, 12)}`,
    parts,
    ...traceLoss(build),
    needsAdvantage: parts.every((part) => part.needsAdvantage),
    build,
  };
}

function scale<V>(e: Expressions<V>, terms: LossTerms<V>, coefficient: number): LossTerms<V> {
  if (coefficient === 1) return terms;
  const times = (a: V): V => e.mul(a, e.constant(coefficient));
  const { logprobs, topLogprobs } = terms.gradient;
  return {
    value: times(terms.value),
    gradient: {
      ...(logprobs !== undefined && { logprobs: times(logprobs) }),
      ...(topLogprobs !== undefined && { topLogprobs: times(topLogprobs) }),
    },
    metrics: terms.metrics,
  };
}

function addTerms<V>(e: Expressions<V>, a: LossTerms<V>, b: LossTerms<V>): LossTerms<V> {
  const twice = Object.keys(a.metrics).find((name) => name in b.metrics);
  if (twice !== undefined) throw new RangeError(`two parts of a loss have a metric ${twice}; rename one`);
  const add = (x: V | undefined, y: V | undefined): V | undefined =>
    x === undefined ? y : y === undefined ? x : e.add(x, y);
  const logprobs = add(a.gradient.logprobs, b.gradient.logprobs);
  const topLogprobs = add(a.gradient.topLogprobs, b.gradient.topLogprobs);
  return {
    value: e.add(a.value, b.value),
    gradient: { ...(logprobs !== undefined && { logprobs }), ...(topLogprobs !== undefined && { topLogprobs }) },
    metrics: { ...a.metrics, ...b.metrics },
  };
}
