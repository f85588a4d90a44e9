import { createHash, type Hash, hash as hashOf } from 'node:crypto';

/** SHA-256 in hex of the parts, each prefixed with its length, so that different lists never collide. */
export function digest(...parts: readonly (string | Uint8Array)[]): string {
  // A call costs more than the bytes of a short text.
  let text = '';
  let hash: Hash | undefined;
  for (const part of parts) {
    if (typeof part === 'string') text += `${Buffer.byteLength(part)}:${part}`;
    else {
      hash ??= createHash('sha256');
      hash.update(`${text}${part.byteLength}:`).update(part);
      text = '';
    }
  }
  return hash ? hash.update(text).digest('hex') : hashOf('sha256', text);
}

/**
 * The seed of one draw: the first 63 bits of a hash of the draw's identity.
 * @example seedOf(7, 'rollout', 'chain-sum-12', 3, 40) // run seed, purpose, prompt, sample, policy version
 */
export function seedOf(...parts: readonly (string | number | bigint)[]): bigint {
  return BigInt(`0x${digest(...parts.map(String)).slice(0, 16)}`) >> 1n;
}
