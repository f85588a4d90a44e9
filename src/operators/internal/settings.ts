/** @throws {RangeError} unless the value is an integer of at least 1. */
export function positiveInteger(name: string, value: number | undefined): number {
  if (value !== undefined && Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} is ${value}, expected a positive integer`);
}

/** @throws {RangeError} unless the value is a finite number of at least 0. */
export function duration(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`${name} is ${value}, expected a number of milliseconds, 0 or more`);
}
