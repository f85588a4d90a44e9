import { UserError } from '../../support/errors.js';
import type { AdamWSettings } from '../trainable.js';

/** One parameter with its gradient and moments, all of one length. */
export interface ParameterState {
  readonly value: Float32Array;
  readonly gradient: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

// Inner loops over arrays of one length: `?? 0` costs nothing there, where an accessor that throws would.

/** L2 norm over all gradients, summed in float64 in their order. */
export function gradientNorm(parameters: Iterable<ParameterState>): number {
  let sum = 0;
  for (const { gradient } of parameters) {
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i] ?? 0;
      sum += g * g;
    }
  }
  return Math.sqrt(sum);
}

/**
 * One update of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) in place, with gradients scaled down to
 * `maxGradNorm`.
 * @param count of updates, this one included, for the correction of the moments' bias
 * @returns the norm before scaling
 * @throws {UserError} `not-finite`, naming the tensor: when a gradient is not finite, and nothing has changed then, or
 * when a weight no longer is
 */
export function adamW(
  parameters: ReadonlyMap<string, ParameterState>,
  settings: AdamWSettings,
  rate: number,
  count: number,
): number {
  const norm = gradientNorm(parameters.values());
  if (!Number.isFinite(norm)) throw overflow(parameters, 'gradient', 'the weights are unchanged');
  const scale = norm > settings.maxGradNorm ? settings.maxGradNorm / norm : 1;
  const [beta1, beta2] = settings.betas;
  const keep = 1 - rate * settings.weightDecay;
  const stride = rate / (1 - beta1 ** count);
  const correction = 1 / (1 - beta2 ** count);
  // Becomes NaN where a weight is one, or infinite.
  let watch = 0;
  for (const { value, gradient, first, second } of parameters.values()) {
    for (let i = 0; i < value.length; i++) {
      const g = (gradient[i] ?? 0) * scale;
      const m = beta1 * (first[i] ?? 0) + (1 - beta1) * g;
      const v = beta2 * (second[i] ?? 0) + (1 - beta2) * g * g;
      first[i] = m;
      second[i] = v;
      value[i] = keep * (value[i] ?? 0) - (stride * m) / (Math.sqrt(v * correction) + settings.eps);
      watch += (value[i] ?? 0) * 0;
    }
  }
  if (watch !== 0) throw overflow(parameters, 'value', 'this update has overflowed');
  return norm;
}

/** Names the first tensor with a value that is not finite. */
function overflow(
  parameters: ReadonlyMap<string, ParameterState>,
  what: 'gradient' | 'value',
  consequence: string,
): UserError {
  for (const [name, state] of parameters) {
    const index = state[what].findIndex((value) => !Number.isFinite(value));
    if (index >= 0)
      return new UserError(
        'not-finite',
        `tensor ${name}: ${what} ${index} is ${state[what][index]}; ${consequence}. Lower learn.lr or look for ` +
          'extreme advantages',
      );
  }
  return new UserError('not-finite', `the ${what}s are too large to be added up; ${consequence}. Lower learn.lr`);
}
