import { seedOf } from '../support/digest.js';
import { at } from '../support/required.js';
import { type ModelConfig, parameterShapes } from './config.js';
import { fillNormal, uniforms } from './random.js';
import type { Tensors } from './safetensors.js';

/**
 * Random parameters for a model trained from nothing: norms that multiply by 1, biases 0, matrices from
 * N(0, 1 / inputs), those that write to the residual stream smaller by sqrt(2 layers) so that its variance does not grow
 * with depth (as in GPT-2).
 * A tensor's values depend on the seed, its name and its shape alone.
 */
export function initModel(config: ModelConfig, seed: number): Tensors {
  const tensors: Tensors = new Map();
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (name.endsWith('norm.weight')) data.fill(1 - config.normOffset);
    else if (!name.endsWith('.bias')) {
      const residual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const deviation = Math.sqrt(1 / (at(shape, 1) * (residual ? 2 * config.layers : 1)));
      fillNormal(data, deviation, uniforms(seedOf(seed, 'init', name)));
    }
    tensors.set(name, { shape, data });
  }
  return tensors;
}
