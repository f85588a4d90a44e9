import type { ModelConfig } from '../../../models/config.js';
import { type Builder, createBuilder, type Graph, type Value } from './builder.js';
import { causal, declareParameters, decoder, headName, rotation } from './model.js';
import { attention, targetLogprobs } from './ops.js';

/** The model over given tokens, with the inputs of {@link scoreGraph}. */
export interface Scored {
  /** Names of the parameters. */
  readonly parameters: readonly string[];
  /** Log-probabilities of the targets, [B * T, 1]. */
  readonly column: Value;
  /** The same as [B, T]. */
  readonly logprobs: Value;
}

export function scored(b: Builder, config: ModelConfig): Scored {
  const parameters = declareParameters(b, config);
  const tokens = b.input('tokens', 'int64', ['B', 'T']);
  const targets = b.input('targets', 'int64', ['B', 'T']);
  const temperature = b.input('temperature', 'float32', [1]);
  const { mask, positions, perToken, flatTokens } = causal(b, config, tokens);
  const hidden = decoder(b, config, {
    flatTokens,
    perToken,
    turn: rotation(b, config, positions),
    attend: (_, q, k, v) => attention(b, q, k, v, mask, config),
  });
  const flatTargets = b.node('Reshape', [targets, b.ints([-1])]);
  const column = targetLogprobs(b, hidden, headName(config), flatTargets, temperature);
  return { parameters, column, logprobs: b.node('Reshape', [column, b.node('Shape', [tokens])]) };
}

/**
 * Scores given tokens. Inputs: the parameters, `tokens` and `targets` int64 [B, T] (`targets` is the next token; where there is
 * none to score, any valid id), `temperature` float [1], above 0. Output: `logprobs` float [B, T], natural log of
 * p(targets[b, t] | tokens[b, ..t]) under logits / temperature.
 *
 * Attention is causal, so padding on the right changes nothing. On one thread a sequence scores the same bits in any batch and padding
 * of two tokens or more (B x T); on several the runtime may split its sums by the size of the batch.
 */
export function scoreGraph(config: ModelConfig): Graph {
  const b = createBuilder();
  b.output('logprobs', scored(b, config).logprobs, ['B', 'T']);
  return b.build();
}
