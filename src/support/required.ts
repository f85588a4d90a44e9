// Accessors for values that must exist. Each throws instead of falling back to a default.

/**
 * A value that is missing only if there is a bug.
 * @param what names the value in the error
 * @throws {Error} if it is missing
 * @example required(offsets[partition], `offset of partition ${partition}`)
 */
export function required<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}

/**
 * The entry at an index that must exist.
 * @throws {RangeError} if it does not
 */
export function at<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length} entries`);
  return value;
}

/**
 * The entry under a key that must exist.
 * @throws {RangeError} naming the key if it does not
 */
export function get<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`no entry ${String(key)}`);
  return value;
}
