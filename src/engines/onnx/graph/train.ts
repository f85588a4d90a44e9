import type { LossInput, LossPoint } from '../../../losses/expressions.js';
import type { Loss } from '../../../losses/loss.js';
import type { ModelConfig } from '../../../models/config.js';
import { type AdaptedConfig, adaptedShapes, trainedNames } from '../../../models/lora/lora.js';
import { get } from '../../../support/required.js';
import { gradients } from './autodiff.js';
import { type Builder, createBuilder, type Graph, type Value } from './builder.js';
import { expressions } from './expressions.js';
import { candidateLogprobs, headOf, targetLogprobs } from './head.js';
import { type ModelStates, modelStates, targetIds } from './model.js';

/** Name of the output with a parameter's gradient. */
export const gradientName = (parameter: string): string => `gradient.${parameter}`;

/** Name of the output with a metric of the loss. */
export const metricName = (metric: string): string => `metric.${metric}`;

const perToken = ['B', 'T'] as const;
const perCandidate = ['B', 'T', 'K'] as const;

/**
 * Value, metrics and gradients of a loss over given tokens.
 *
 * Inputs: the parameters; `tokens` and `targets` int64 [B, T] as for scoring; `temperature` float [1]; `weights` float
 * [B, T], each token's share of the mean, 0 for tokens that are not trained; `topIds` int64 [B, T, K] where the loss
 * reads distillation targets; and the loss's own inputs under their names, float [B, T], `targetTopLogprobs` [B, T, K].
 * What the inputs contain at tokens of weight 0 has no effect.
 *
 * Outputs: `value` and a {@link metricName} for each metric, double [B, T], not weighted; a {@link gradientName} for
 * each parameter in `trainable`, by default the adapter's or, without one, all: the gradient of the sum of weight times
 * value. Gradients of micro-batches add up.
 */
export function trainingGraph(config: AdaptedConfig, loss: Loss, trainable?: readonly string[]): Graph {
  const b = createBuilder();
  const model = modelStates(b, config);
  const weights = b.input('weights', 'float32', perToken);
  const untrained = b.node('Equal', [weights, b.floats([0])]);
  const outputs = modelOutputs(b, config, model, loss.readsTop);
  const point = lossPoint(b, outputs);

  const reported = loss.build(
    expressions(b, 'float64'),
    reading(point, (value) => b.node('Cast', [value], { to: 11 })),
  );
  const output = (name: string, value: Value): void =>
    b.output(name, b.node('Where', [untrained, b.doubles([0]), value]), perToken, 'float64');
  output('value', reported.value);
  for (const [name, metric] of Object.entries(reported.metrics)) output(metricName(name), metric);

  const { gradient } = loss.build(
    expressions(b, 'float32'),
    reading(point, (value) => value),
  );
  const seed = lossGradient(b, { weights, untrained, outputs, gradient });
  const shapes = adaptedShapes(config);
  const parameters = trainable ?? trainedNames(config);
  for (const [name, value] of gradients(b, [[outputs.predicted, seed]], parameters))
    b.output(gradientName(name), value, get(shapes, name));
  return b.build();
}

interface ModelOutputs {
  /** Where differentiation starts: log-probabilities [B * T, 1], or [B * T, 1 + K] with those of `topIds`. */
  readonly predicted: Value;
  /** [B, T]. */
  readonly logprobs: Value;
  readonly top?: {
    /** [B * T, K]. */
    readonly flat: Value;
    /** [B, T, K]. */
    readonly logprobs: Value;
  };
}

function modelOutputs(b: Builder, config: ModelConfig, model: ModelStates, readsTop: boolean): ModelOutputs {
  const { hidden, temperature, shape } = model;
  const targets = targetIds(b);
  const head = headOf(config);
  if (!readsTop) {
    const predicted = targetLogprobs(b, hidden, head, targets, temperature);
    return { predicted, logprobs: b.node('Reshape', [predicted, shape]) };
  }
  const topIds = b.input('topIds', 'int64', perCandidate);
  const topShape = b.node('Shape', [topIds]);
  const candidates = b.node('Slice', [topShape, b.ints([2]), b.ints([3]), b.ints([0])]);
  const flatIds = b.node('Reshape', [topIds, b.node('Concat', [b.ints([-1]), candidates], { axis: 0 })]);
  const ids = b.node('Concat', [b.node('Unsqueeze', [targets, b.ints([1])]), flatIds], { axis: 1 });
  const predicted = candidateLogprobs(b, hidden, head, ids, temperature, config.hiddenSize);
  const columns = (from: number, to: number): Value =>
    b.node('Slice', [predicted, b.ints([from]), b.ints([to]), b.ints([1])]);
  const flat = columns(1, 2 ** 31);
  return {
    predicted,
    logprobs: b.node('Reshape', [columns(0, 1), shape]),
    top: { flat, logprobs: b.node('Reshape', [flat, topShape]) },
  };
}

/** What a loss reads; an input is declared once it is read. */
function lossPoint(b: Builder, { logprobs, top }: ModelOutputs): (name: keyof LossPoint<Value>) => Value {
  const declared = new Map<LossInput, Value>();
  return (name) => {
    if (name === 'logprobs') return logprobs;
    if (name === 'topLogprobs') {
      if (!top) throw new Error('a loss reads topLogprobs only sometimes; expected the same inputs each time');
      return top.logprobs;
    }
    const known = declared.get(name);
    if (known !== undefined) return known;
    const input = b.input(name, 'float32', name === 'targetTopLogprobs' ? perCandidate : perToken);
    declared.set(name, input);
    return input;
  };
}

function reading(read: (name: keyof LossPoint<Value>) => Value, as: (value: Value) => Value): LossPoint<Value> {
  return {
    get logprobs() {
      return as(read('logprobs'));
    },
    get samplingLogprobs() {
      return as(read('samplingLogprobs'));
    },
    get tokenAdvantages() {
      return as(read('tokenAdvantages'));
    },
    get referenceLogprobs() {
      return as(read('referenceLogprobs'));
    },
    get topLogprobs() {
      return as(read('topLogprobs'));
    },
    get targetTopLogprobs() {
      return as(read('targetTopLogprobs'));
    },
    get targetTailLogprobs() {
      return as(read('targetTailLogprobs'));
    },
  };
}

interface LossGradientParts {
  readonly weights: Value;
  readonly untrained: Value;
  readonly outputs: ModelOutputs;
  readonly gradient: { readonly logprobs?: Value; readonly topLogprobs?: Value };
}

/** The gradient of the weighted loss by `predicted`. */
function lossGradient(b: Builder, { weights, untrained, outputs, gradient }: LossGradientParts): Value {
  const zero = b.floats([0]);
  const column = (): Value => {
    if (gradient.logprobs === undefined)
      return b.node('Expand', [zero, b.node('Shape', [b.node('Reshape', [weights, b.ints([-1, 1])])])]);
    const weighted = b.node('Where', [untrained, zero, b.node('Mul', [weights, gradient.logprobs])]);
    return b.node('Reshape', [weighted, b.ints([-1, 1])]);
  };
  if (!outputs.top) return column();
  const last = b.ints([-1]);
  const flatShape = b.node('Shape', [outputs.top.flat]);
  const top = (): Value => {
    if (gradient.topLogprobs === undefined) return b.node('Expand', [zero, flatShape]);
    const weighted = b.node('Mul', [b.node('Unsqueeze', [weights, last]), gradient.topLogprobs]);
    const trained = b.node('Where', [b.node('Unsqueeze', [untrained, last]), zero, weighted]);
    const whole = b.node('Expand', [trained, b.node('Shape', [outputs.top?.logprobs ?? trained])]);
    return b.node('Reshape', [whole, flatShape]);
  };
  return b.node('Concat', [column(), top()], { axis: 1 });
}
