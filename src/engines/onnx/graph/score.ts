import type { ModelConfig } from '../../../models/config.js';
import { type Builder, createBuilder, type Graph, type Value } from './builder.js';
import { causal, declareParameters, decoder, headName, rotation } from './model.js';
import { attention, targetLogprobs } from './ops.js';

/** The model over given tokens, with the inputs of {@link scoreGraph}. */
export interface ModelStates {
  /** Names of the parameters. */
  readonly parameters: readonly string[];
  /** After the final norm, [B * T, hiddenSize]. */
  readonly hidden: Value;
  /** [B * T]. */
  readonly targets: Value;
  /** [1]. */
  readonly temperature: Value;
  /** The shape [B, T]. */
  readonly shape: Value;
}

export function modelStates(b: Builder, config: ModelConfig): ModelStates {
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
  return {
    parameters,
    hidden,
    targets: b.node('Reshape', [targets, b.ints([-1])]),
    temperature,
    shape: b.node('Shape', [tokens]),
  };
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
  const { hidden, targets, temperature, shape } = modelStates(b, config);
  const column = targetLogprobs(b, hidden, headName(config), targets, temperature);
  b.output('logprobs', b.node('Reshape', [column, shape]), ['B', 'T']);
  return b.build();
}
