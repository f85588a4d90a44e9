/** Types of numbers in weight files, with their bytes. */
export const WIDTH = { F32: 4, F16: 2, BF16: 2 } as const;
export type DType = keyof typeof WIDTH;

/** Numbers of a file as float32, which has them all exactly. */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: DType): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  const data = new Float32Array(halves.length);
  const bits = new Uint32Array(data.buffer);
  for (let i = 0; i < halves.length; i++) {
    // An accessor that throws would cost speed here; both arrays have one length.
    const half = halves[i] ?? 0;
    bits[i] = dtype === 'BF16' ? half << 16 : halfBits(half);
  }
  return data;
}

/** The bytes of float32 numbers in a type, rounded to the nearest, ties to even; beyond its range they are infinite. */
export function fromFloat32(data: Float32Array, dtype: DType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i] ?? 0;
    halves[i] = dtype === 'BF16' ? brainBits(word) : roundedHalf(word, data[i] ?? 0);
  }
  return new Uint8Array(halves.buffer);
}

/** The float32 bits of an IEEE 754 half. */
function halfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal float: shift until its leading one is implicit.
  let shift = 113;
  while (!(fraction & 0x400)) {
    fraction <<= 1;
    shift--;
  }
  return sign | (shift << 23) | ((fraction & 0x3ff) << 13);
}

/** The upper half of a float32's bits, rounded; a NaN stays one. */
function brainBits(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** The bits of an IEEE 754 half nearest to a float32. */
function roundedHalf(word: number, value: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Subnormal: a whole number of the smallest steps.
  const steps = Math.abs(value) * 2 ** 24;
  const below = Math.floor(steps);
  const rest = steps - below;
  return sign | (below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0));
}
