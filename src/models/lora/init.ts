import { seedOf } from '../../support/digest.js';
import { at } from '../../support/required.js';
import type { ModelConfig } from '../config.js';
import { uniforms } from '../random.js';
import type { Tensors } from '../safetensors.js';
import { type Adapter, adapterShapes, type Lora } from './lora.js';

/**
 * An adapter that changes nothing yet, as PEFT makes it: A uniform within 1 / sqrt(inputs), which is Kaiming's bound
 * for a slope of sqrt(5), and B zero. A matrix depends on the seed, its name and its shape alone.
 */
export function initAdapter(config: ModelConfig, lora: Lora, seed: number): Adapter {
  const parameters: Tensors = new Map();
  for (const [name, shape] of adapterShapes(config, lora)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (name.endsWith('.lora_A.weight')) {
      const bound = 1 / Math.sqrt(at(shape, 1));
      const uniform = uniforms(seedOf(seed, 'lora', name));
      for (let i = 0; i < data.length; i++) data[i] = bound * (2 * uniform() - 1);
    }
    parameters.set(name, { shape, data });
  }
  return { lora, parameters };
}
