import type { AdaptedConfig } from '../../../models/lora/lora.js';
import { at } from '../../../support/required.js';
import { createBuilder, type Graph } from './builder.js';
import { headOf, logits } from './head.js';
import { modelStates } from './model.js';

/**
 * The likeliest next tokens at every position. Inputs: the parameters, `tokens` int64 [B, T], `temperature` float [1],
 * above 0, and `k` int64 [1], from 1 to the vocabulary's size. Outputs, under logits / temperature: `topIds` int64 [B,
 * T, k], the likeliest first and of equals the lower id first; `topLogprobs` float [B, T, k]; `tailLogprobs` float [B,
 * T], the natural log of the probability of all other tokens together, -infinity where it is below float32's range.
 *
 * Padding on the right changes nothing, as in `scoreGraph`.
 */
export function topGraph(config: AdaptedConfig): Graph {
  const b = createBuilder();
  const { hidden, temperature, shape } = modelStates(b, config);
  const k = b.input('k', 'int64', [1]);
  const scores = logits(b, hidden, headOf(config), temperature);
  const logprobs = b.node('LogSoftmax', [scores], { axis: -1 });
  const likeliest = b.nodes('TopK', [logprobs, k], 2, { axis: 1 });
  const [values, ids] = [at(likeliest, 0), at(likeliest, 1)];
  // Summed directly: 1 minus the sum of the others would lose a small tail to rounding. Softmax and ReduceLogSum
  // compute row by row; Exp and Log differ between the body and the end of an array, and so with the size of the batch.
  const probabilities = b.node('Softmax', [scores], { axis: -1 });
  const zeros = b.node('Expand', [b.floats([0]), b.node('Shape', [ids])]);
  const rest = b.node('ScatterElements', [probabilities, ids, zeros], { axis: 1 });
  const tail = b.node('ReduceLogSum', [rest, b.ints([1])], { keepdims: 0 });
  const wide = b.node('Concat', [shape, k], { axis: 0 });
  b.output('topIds', b.node('Reshape', [ids, wide]), ['B', 'T', 'K'], 'int64');
  b.output('topLogprobs', b.node('Reshape', [values, wide]), ['B', 'T', 'K']);
  b.output('tailLogprobs', b.node('Reshape', [tail, shape]), ['B', 'T']);
  return b.build();
}
