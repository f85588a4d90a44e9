import { type ModelConfig, parameterShapes } from '../../../models/config.js';
import { gradients } from './autodiff.js';
import { type Builder, createBuilder, type Graph, type Value } from './builder.js';
import { scored } from './score.js';

/** Name of the output that holds a parameter's gradient. */
export function gradientName(parameter: string): string {
  return `gradient.${parameter}`;
}

/** Forward and back: `slope` gives dL/d(logprobs), all [B, T]. */
function training(config: ModelConfig, slope: (b: Builder, logprobs: Value, weights: Value) => Value): Graph {
  const b = createBuilder();
  const { parameters, column, logprobs } = scored(b, config);
  const weights = b.input('weights', 'float32', ['B', 'T']);
  const seed = b.node('Reshape', [slope(b, logprobs, weights), b.ints([-1, 1])]);
  b.output('logprobs', logprobs, ['B', 'T']);
  const shapes = parameterShapes(config);
  for (const [i, gradient] of gradients(b, [[column, seed]], parameters).entries()) {
    const parameter = parameters[i] ?? '';
    b.output(gradientName(parameter), gradient, shapes.get(parameter) ?? []);
  }
  return b.build();
}

export interface PolicyObjective {
  /** The ratio's bounds are 1 - clip[0] and 1 + clip[1]. */
  readonly clip: readonly [low: number, high: number];
  /** Coefficient of the KL to a reference policy; 0 leaves the reference out. */
  readonly kl: number;
}

/**
 * Gradients of the clipped policy loss L = sum over tokens of weight * [-min(ratio * A, clip(ratio) * A) + kl * k3], with
 * ratio = exp(logprob - sampled) and k3 = exp(d) - d - 1, d = reference - logprob.
 *
 * Inputs: the parameters; `tokens` and `targets` int64 [B, T] as for scoring; `temperature` float [1]; float [B, T]: `weights`, each
 * token's share of the mean, 0 outside the mask; `samplingLogprobs` and `tokenAdvantages`; `referenceLogprobs` where kl is
 * not 0. Outputs: `logprobs` float [B, T] before the update, and {@link gradientName} for each parameter. Gradients of
 * micro-batches add up.
 */
export function trainGraph(config: ModelConfig, { clip: [low, high], kl }: PolicyObjective): Graph {
  return training(config, (b, logprobs, weights) => {
    const sampled = b.input('samplingLogprobs', 'float32', ['B', 'T']);
    const advantages = b.input('tokenAdvantages', 'float32', ['B', 'T']);
    const zero = b.floats([0]);
    const outside = b.node('Equal', [weights, zero]);
    const inside = (value: Value): Value => b.node('Where', [outside, zero, value]);
    const ratio = b.node('Exp', [inside(b.node('Sub', [logprobs, sampled]))]);
    const plain = b.node('Mul', [ratio, advantages]);
    const clipped = b.node('Mul', [
      b.node('Clip', [ratio, b.floats([1 - low], []), b.floats([1 + high], [])]),
      advantages,
    ]);
    // Where the clipped side is smaller it is constant; elsewhere d(ratio * A)/d(logprob) is ratio * A itself.
    const moving = b.node('Where', [b.node('LessOrEqual', [plain, clipped]), b.node('Neg', [plain]), zero]);
    if (kl === 0) return b.node('Mul', [weights, moving]);
    const reference = b.input('referenceLogprobs', 'float32', ['B', 'T']);
    const away = b.node('Exp', [inside(b.node('Sub', [reference, logprobs]))]);
    const pull = b.node('Mul', [b.node('Sub', [b.floats([1]), away]), b.floats([kl])]);
    return b.node('Mul', [weights, b.node('Add', [moving, pull])]);
  });
}

/** Gradients of the weighted cross-entropy L = sum of -weight * logprob; inputs and outputs as far as {@link trainGraph} has them. */
export function superviseGraph(config: ModelConfig): Graph {
  return training(config, (b, _, weights) => b.node('Neg', [weights]));
}
