import type { ModelConfig } from '../config.js';
import { createBuilder, type Graph } from './builder.js';
import { causal, declareParameters, decoder, headName, rotation } from './model.js';
import { attention, targetLogprobs } from './ops.js';

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
  declareParameters(b, config);
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
  const logprobs = targetLogprobs(b, hidden, headName(config), flatTargets, temperature);
  b.output('logprobs', b.node('Reshape', [logprobs, b.node('Shape', [tokens])]), ['B', 'T']);
  return b.build();
}
