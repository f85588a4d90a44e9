import type { ModelConfig } from '../../models/config.js';

/** Bytes of a float32, which the engine computes in whatever the checkpoint's types. */
const FLOAT = 4;
/** Of a learner: values, gradient, two moments, a second gradient, and the weights that it began with. */
const LEARNER = 6;

/** Bytes of parameters in memory. */
export const weightBytes = (parameters: number): number => FLOAT * parameters;

/** Bytes of a learner of all parameters, without the activations of a micro-batch. */
export const learnerBytes = (parameters: number): number => LEARNER * weightBytes(parameters);

/** Bytes of keys and values of `tokens` tokens. */
export function cacheBytes({ layers, kvHeads, headDim }: ModelConfig, tokens: number): number {
  return 2 * FLOAT * layers * kvHeads * headDim * tokens;
}
