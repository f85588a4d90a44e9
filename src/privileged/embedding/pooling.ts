import { UserError } from '../../support/errors.js';
import type { Pooling } from './model.js';

/**
 * Pools a model's output into one vector of length 1.
 * @param data row-major values
 * @param dims [1, tokens, size], which is pooled, or [1, size], which is already one vector
 * @throws {UserError} `bad-embedding-model` for another shape, or for values that are not finite
 */
export function pool(data: Float32Array, dims: readonly number[], pooling: Pooling): Float32Array {
  const [batch, ...rest] = dims;
  const [tokens, size] = rest.length === 1 ? [1, ...rest] : rest;
  if (batch !== 1 || rest.length > 2 || !tokens || !size || data.length !== tokens * size)
    throw new UserError(
      'bad-embedding-model',
      `model output: found shape [${dims.join(', ')}], expected [1, tokens, size] or [1, size]`,
    );
  const pooled = data.slice(0, size);
  for (let t = 1; t < (pooling === 'cls' ? 1 : tokens); t++)
    for (let d = 0; d < size; d++) {
      const value = Number(data[t * size + d]);
      const before = Number(pooled[d]);
      pooled[d] = pooling === 'max' ? Math.max(before, value) : before + value;
    }
  const length = Math.hypot(...pooled);
  if (!Number.isFinite(length) || length === 0)
    throw new UserError(
      'bad-embedding-model',
      `model output: found a vector of length ${length}, expected a finite length above 0`,
    );
  // Dividing the sum by its length makes the mean's divisor cancel out.
  return pooled.map((value) => value / length);
}
