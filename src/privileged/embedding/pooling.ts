import { UserError } from '../../support/errors.js';
import type { Pooling } from './model.js';

/**
 * One vector of length 1 from a model's output: [1, tokens, size] is pooled, [1, size] is taken as it is.
 * @throws {UserError} `bad-embedding-model` for another shape, or numbers that are not finite
 */
export function pool(data: Float32Array, dims: readonly number[], pooling: Pooling): Float32Array {
  const size = dims.at(-1) ?? 0;
  const tokens = dims.length === 3 ? (dims[1] ?? 0) : 1;
  if (dims[0] !== 1 || dims.length < 2 || dims.length > 3 || size === 0 || data.length !== tokens * size)
    throw new UserError(
      'bad-embedding-model',
      `the model's output has the shape [${dims.join(', ')}], expected [1, tokens, size] or [1, size]`,
    );
  const sum = data.slice(0, size);
  if (pooling !== 'cls')
    for (let t = 1; t < tokens; t++)
      for (let d = 0; d < size; d++) {
        const value = data[t * size + d] ?? 0;
        sum[d] = pooling === 'max' ? Math.max(sum[d] ?? 0, value) : (sum[d] ?? 0) + value;
      }
  const length = Math.hypot(...sum);
  if (!Number.isFinite(length) || length === 0)
    throw new UserError('bad-embedding-model', `the model's output has the length ${length}, expected a finite one`);
  // The mean's divisor cancels out.
  return sum.map((value) => value / length);
}
