import type { ModelConfig } from '../../models/config.js';
import { at } from '../../support/required.js';
import { cacheNames } from './graph/decode.js';
import type { SessionTensor } from './session.js';

/** Keys and values of a decoding batch: room for `rows` sequences of `capacity` tokens. */
export interface Cache {
  /** The first `n` rows as inputs of the decoding graph, not copied. */
  view(n: number): [name: string, tensor: SessionTensor][];
  /** Copies one row of a prefill, `length` tokens long, into `row`. */
  fill(row: number, prefix: ReadonlyMap<string, SessionTensor>): void;
  /** Appends the newest token's entries of the first rows, each at its row's length. */
  append(outputs: ReadonlyMap<string, SessionTensor>, lengths: readonly number[]): void;
  move(from: number, to: number): void;
}

export function createCache({ layers, kvHeads, headDim }: ModelConfig, rows: number, capacity: number): Cache {
  const width = kvHeads * headDim;
  const stride = width * capacity;
  const made = Array.from({ length: layers }, (_, layer) => ({
    names: cacheNames(layer),
    keys: new Float32Array(rows * stride),
    values: new Float32Array(rows * stride),
    newKeys: `newKeys.${layer}`,
    newValues: `newValues.${layer}`,
  }));
  const floats = (tensors: ReadonlyMap<string, SessionTensor>, name: string): Float32Array => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof Float32Array)) throw new Error(`the graph has no output ${name}`);
    return data;
  };
  return {
    view: (n) =>
      made.flatMap(({ names, keys, values }): [string, SessionTensor][] => [
        [names.keys, { data: keys.subarray(0, n * stride), shape: [n, kvHeads, capacity, headDim] }],
        [names.values, { data: values.subarray(0, n * stride), shape: [n, kvHeads, capacity, headDim] }],
      ]),
    fill(row, prefix) {
      for (const { names, keys, values } of made)
        for (const [into, from] of [
          [keys, floats(prefix, names.keys)],
          [values, floats(prefix, names.values)],
        ] as const) {
          const size = from.length / kvHeads;
          for (let head = 0; head < kvHeads; head++)
            into.set(from.subarray(head * size, (head + 1) * size), row * stride + head * capacity * headDim);
        }
    },
    append(outputs, lengths) {
      for (const { keys, values, newKeys, newValues } of made) {
        const key = floats(outputs, newKeys);
        const value = floats(outputs, newValues);
        for (let row = 0; row < lengths.length; row++)
          for (let head = 0; head < kvHeads; head++) {
            const from = row * width + head * headDim;
            const to = row * stride + (head * capacity + at(lengths, row)) * headDim;
            // An accessor that throws would cost speed here; the graph fixes both lengths.
            for (let i = 0; i < headDim; i++) {
              keys[to + i] = key[from + i] ?? 0;
              values[to + i] = value[from + i] ?? 0;
            }
          }
      }
    },
    move(from, to) {
      for (const { keys, values } of made) {
        keys.copyWithin(to * stride, from * stride, (from + 1) * stride);
        values.copyWithin(to * stride, from * stride, (from + 1) * stride);
      }
    },
  };
}
