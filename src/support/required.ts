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
