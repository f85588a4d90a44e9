/**
 * Marks the tokens whose text begins between two markers.
 *
 * @returns one byte per token: 1 inside, 0 outside. All 0 where the first marker is missing; up to the end where the
 * second one is.
 */
export function spanBetween(
  tokens: Int32Array,
  decode: (tokens: Int32Array) => string,
  [begin, end]: readonly [string, string],
): Uint8Array {
  const text = decode(tokens);
  const at = text.indexOf(begin);
  const first = at < 0 ? text.length : at + begin.length;
  const stop = text.indexOf(end, first);
  /** Index of the first token whose text begins at `length` characters or later. */
  const tokenAt = (length: number): number => {
    let [low, high] = [0, tokens.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (decode(tokens.subarray(0, middle)).length >= length) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return new Uint8Array(tokens.length).fill(1, tokenAt(first), tokenAt(stop < 0 ? text.length : stop));
}
