/** Number arrays as stored in records: little-endian bytes on every machine. */

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function bytesOf(values: Int32Array | Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  return littleEndian ? bytes : Buffer.from(bytes.buffer).swap32();
}

/** An aligned copy: record fields may start anywhere in their buffer. */
function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  if (bytes.byteLength % 4 !== 0) {
    throw new RangeError(`${bytes.byteLength} bytes are not an array of 4-byte numbers`);
  }
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  if (!littleEndian) Buffer.from(copy).swap32();
  return copy;
}

/** Token ids and the like, as int32 little-endian bytes. @throws {RangeError} if a value is not an int32 */
export function int32Bytes(values: Int32Array | readonly number[]): Uint8Array {
  if (values instanceof Int32Array) return bytesOf(values);
  const wrong = values.findIndex((value) => (value | 0) !== value);
  if (wrong >= 0) throw new RangeError(`value ${wrong} is ${values[wrong]}; expected an int32`);
  return bytesOf(Int32Array.from(values));
}

/** @throws {RangeError} when the length is no multiple of 4. */
export function int32Array(bytes: Uint8Array): Int32Array {
  return new Int32Array(alignedCopy(bytes));
}

/** Log-probabilities and the like, as float32 little-endian bytes; plain numbers are rounded to float32. */
export function float32Bytes(values: Float32Array | readonly number[]): Uint8Array {
  return bytesOf(values instanceof Float32Array ? values : Float32Array.from(values));
}

/** @throws {RangeError} when the length is no multiple of 4. */
export function float32Array(bytes: Uint8Array): Float32Array {
  return new Float32Array(alignedCopy(bytes));
}

/**
 * What a record's field of bytes contains, by the field's name: token ids are int32, log-probabilities, advantages and
 * token weights float32, and everything else plain bytes.
 * @example elementType('distillation.topLogprobs') // 'float32'
 */
export function elementType(field: string): 'int32' | 'float32' | 'uint8' {
  if (/(Tokens|Ids)$/.test(field)) return 'int32';
  return /(Logprobs|Advantages|Weights)$/.test(field) ? 'float32' : 'uint8';
}
