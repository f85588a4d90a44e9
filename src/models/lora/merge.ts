import { at, get } from '../../support/required.js';
import type { Tensors } from '../safetensors.js';
import { type Adapter, adapterNames, loraScale } from './lora.js';

/** The weights of a model with an adapter added to them: W + scale * B A. Tensors without an adapter are not copied. */
export function mergeAdapter(base: Tensors, { lora, parameters }: Adapter): Tensors {
  const merged: Tensors = new Map(base);
  const scale = loraScale(lora);
  for (const module of lora.modules) {
    const name = `${module}.weight`;
    const { shape, data } = get(base, name);
    const { a, b } = adapterNames(module);
    merged.set(name, {
      shape,
      data: added(data, get(parameters, a).data, get(parameters, b).data, at(shape, 1), scale),
    });
  }
  return merged;
}

/** `data` [out, in] plus scale times b [out, rank] times a [rank, in], summed in float64. */
function added(data: Float32Array, a: Float32Array, b: Float32Array, inputs: number, scale: number): Float32Array {
  const rank = a.length / inputs;
  const sums = new Float64Array(inputs);
  const result = new Float32Array(data.length);
  for (let row = 0; row * inputs < data.length; row++) {
    sums.fill(0);
    // An accessor that throws would cost speed here; the shapes fix all lengths.
    for (let k = 0; k < rank; k++) {
      const factor = (b[row * rank + k] ?? 0) * scale;
      for (let i = 0; i < inputs; i++) sums[i] = (sums[i] ?? 0) + factor * (a[k * inputs + i] ?? 0);
    }
    for (let i = 0; i < inputs; i++) result[row * inputs + i] = (data[row * inputs + i] ?? 0) + (sums[i] ?? 0);
  }
  return result;
}
