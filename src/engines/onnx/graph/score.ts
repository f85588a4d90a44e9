import type { AdaptedConfig } from '../../../models/lora/lora.js';
import { createBuilder, type Graph } from './builder.js';
import { headOf, targetLogprobs } from './head.js';
import { modelStates, targetIds } from './model.js';

/**
 * Scores given tokens. Inputs: the parameters, `tokens` and `targets` int64 [B, T] (`targets` is the next token; where
 * there is none to score, any valid id), `temperature` float [1], above 0. Output: `logprobs` float [B, T], natural log
 * of p(targets[b, t] | tokens[b, ..t]) under logits / temperature.
 *
 * Attention is causal, so padding on the right changes nothing. On one thread a sequence scores the same bits in any
 * batch and padding of two tokens or more (B x T); on several the runtime may split its sums by the size of the batch.
 */
export function scoreGraph(config: AdaptedConfig): Graph {
  const b = createBuilder();
  const { hidden, temperature, shape } = modelStates(b, config);
  const column = targetLogprobs(b, hidden, headOf(config), targetIds(b), temperature);
  b.output('logprobs', b.node('Reshape', [column, shape]), ['B', 'T']);
  return b.build();
}
