const MASK = (1n << 64n) - 1n;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every output bit depends on every input bit. */
function mix(x: bigint): bigint {
  let z = x & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

/**
 * Draw `t` of the stream `seed`: a multiple of 2^-24 in [0, 1), exact in float32. It depends on nothing else, so a
 * completion can be drawn again on its own.
 */
export function uniformAt(seed: bigint, t: number): number {
  return Number(mix(mix(seed) + GOLDEN * BigInt(t + 1)) >> 40n) / 2 ** 24;
}

/** A fast stream of uniforms in [0, 1) for filling arrays (xoshiro128**, Blackman and Vigna 2018). */
export function uniforms(seed: bigint): () => number {
  const low = mix(seed);
  const high = mix(low + GOLDEN);
  let a = Number(low & 0xffffffffn) | 0;
  let b = Number(low >> 32n) | 0;
  let c = Number(high & 0xffffffffn) | 0;
  let d = Number(high >> 32n) | 1;
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return (result >>> 0) / 2 ** 32;
  };
}

/** Fills with draws from N(0, deviation^2) (Box and Muller). */
export function fillNormal(data: Float32Array, deviation: number, uniform: () => number): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}
