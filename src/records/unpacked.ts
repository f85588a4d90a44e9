import { float32Array, float32Bytes, int32Array, int32Bytes } from './arrays.js';

/** The fields that are number arrays, with their unpacked types. */
interface ArrayFields {
  readonly promptTokens: Int32Array;
  readonly completionTokens: Int32Array;
  readonly samplingLogprobs: Float32Array;
  readonly teacherLogprobs: Float32Array;
  readonly referenceLogprobs: Float32Array;
  readonly tokenAdvantages: Float32Array;
  readonly tokenWeights: Float32Array;
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  readonly tailLogprobs: Float32Array;
}

export type ArrayField = keyof ArrayFields;

export const arrayFields = {
  promptTokens: 'int32',
  completionTokens: 'int32',
  samplingLogprobs: 'float32',
  teacherLogprobs: 'float32',
  referenceLogprobs: 'float32',
  tokenAdvantages: 'float32',
  tokenWeights: 'float32',
  topIds: 'int32',
  topLogprobs: 'float32',
  tailLogprobs: 'float32',
} as const satisfies Record<ArrayField, 'int32' | 'float32'>;

/** A record whose number arrays are `Int32Array` and `Float32Array` instead of bytes. */
export type Unpacked<R> = {
  readonly [K in keyof R]: K extends ArrayField
    ? ArrayFields[K] | Exclude<R[K], Uint8Array>
    : Uint8Array extends R[K]
      ? R[K]
      : Extract<R[K], { readonly topIds: unknown }> extends never
        ? R[K]
        : Unpacked<Extract<R[K], { readonly topIds: unknown }>> | Exclude<R[K], { readonly topIds: unknown }>;
};

export const isArrayField = (name: string): name is ArrayField => Object.hasOwn(arrayFields, name);

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);

/**
 * Copies a record, with typed arrays in place of its bytes.
 *
 * @example
 * unpack(advantage).tokenAdvantages.map((a) => a / 2); // Float32Array
 */
export function unpack<R extends object>(record: R): Unpacked<R>;
export function unpack(record: object): object {
  return mapFields(record, (name, value) => {
    if (!isArrayField(name) || !(value instanceof Uint8Array)) return value;
    return arrayFields[name] === 'int32' ? int32Array(value) : float32Array(value);
  });
}

/** The inverse of `unpack`. */
export function pack<R extends object>(record: Unpacked<R>): R;
export function pack(record: object): object {
  return mapFields(record, (_, value) => {
    if (value instanceof Int32Array) return int32Bytes(value);
    return value instanceof Float32Array ? float32Bytes(value) : value;
  });
}

function mapFields(record: object, convert: (name: string, value: unknown) => unknown): object {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      isPlain(value) && 'topIds' in value ? mapFields(value, convert) : convert(name, value),
    ]),
  );
}
