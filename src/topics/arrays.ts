/** Typed arrays as the `bytes` of a record: int32 and float32, little-endian, whatever the machine. */

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function int32Bytes(values: Int32Array): Uint8Array {
  return inRecordOrder(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** @throws {RangeError} when the length is not a multiple of 4. */
export function int32Array(bytes: Uint8Array): Int32Array {
  return new Int32Array(aligned(bytes));
}

export function float32Bytes(values: Float32Array): Uint8Array {
  return inRecordOrder(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** @throws {RangeError} when the length is not a multiple of 4. */
export function float32Array(bytes: Uint8Array): Float32Array {
  return new Float32Array(aligned(bytes));
}

/** A copy at offset 0 of a buffer of its own: record bytes may start anywhere in a shared one. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return inRecordOrder(copy).buffer as ArrayBuffer;
}

function inRecordOrder(bytes: Uint8Array): Uint8Array {
  if (littleEndian) return bytes;
  return Uint8Array.from(bytes, (_, i) => bytes[(i & ~3) + (3 - (i & 3))] ?? 0);
}
