// Reads what must be there. Each throws instead of carrying on with a default.

/**
 * A value that cannot be missing unless this program is wrong.
 * @param what names the value in the error
 * @throws {Error} when it is missing, instead of carrying on with a default
 * @example required(offsets[partition], `offset of partition ${partition}`)
 */
export function required<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}

/**
 * The entry at an index that must exist.
 * @throws {RangeError} where it does not
 */
export function at<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length} entries`);
  return value;
}

/**
 * The entry under a key that must exist.
 * @throws {RangeError} naming the key where it does not
 */
export function get<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`no entry ${String(key)}`);
  return value;
}
