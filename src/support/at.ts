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
