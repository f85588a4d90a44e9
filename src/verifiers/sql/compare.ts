import { at } from '../../support/required.js';
import type { Cell, DecimalCell, NestedCell } from './cells.js';
import type { Table } from './database.js';

export interface CompareSettings {
  /** Floats are equal within this share of the larger one, or within a thousandth of it near 0. */
  readonly tolerance: number;
  readonly columnNames: boolean;
}

function rank(value: Cell): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'string') return 3;
  return isNested(value) ? 4 : 2;
}

const isNested = (value: Cell): value is NestedCell => typeof value === 'object' && value !== null && 'items' in value;

/** A whole number or a decimal, as opposed to a float. */
const isExact = (value: number | bigint | DecimalCell): value is bigint | DecimalCell => typeof value !== 'number';

const approximate = (value: number | bigint | DecimalCell): number =>
  typeof value === 'object' ? Number(value.digits) / 10 ** value.scale : Number(value);

function orderExact(a: bigint | DecimalCell, b: bigint | DecimalCell): number {
  const parts = (value: bigint | DecimalCell) => (typeof value === 'bigint' ? { digits: value, scale: 0 } : value);
  const [x, y] = [parts(a), parts(b)];
  const scale = Math.max(x.scale, y.scale);
  const scaled = ({ digits, scale: own }: DecimalCell) => digits * 10n ** BigInt(scale - own);
  return sign(scaled(x), scaled(y));
}

const sign = <T extends number | bigint | boolean | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorts by type, then by value, NaN last among the numbers. */
function order(a: Cell, b: Cell): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === null || b === null) return 0;
  if (isNested(a) || isNested(b)) {
    if (!isNested(a) || !isNested(b)) return 0;
    return a.items.length - b.items.length || compareRows(a.items, b.items);
  }
  if (typeof a === 'string' || typeof b === 'string' || typeof a === 'boolean' || typeof b === 'boolean') {
    return sign(String(a), String(b));
  }
  if (isExact(a) && isExact(b)) return orderExact(a, b);
  const [x, y] = [approximate(a), approximate(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return sign(x, y);
}

// Where large numbers cancel, the remainder is not exactly 0.
const NEAR_ZERO = 1e-3;

/** Whole numbers and decimals are exact, however large; floats are rounded. */
function equal(found: Cell, expected: Cell, tolerance: number): boolean {
  if (rank(found) !== rank(expected)) return false;
  if (found === null || expected === null) return true;
  if (isNested(found) || isNested(expected)) {
    if (!isNested(found) || !isNested(expected)) return false;
    const sameNames = found.names.join('\0') === expected.names.join('\0');
    return sameNames && equalRows(found.items, expected.items, tolerance);
  }
  if (typeof found === 'string' || typeof found === 'boolean') return found === expected;
  if (typeof expected === 'string' || typeof expected === 'boolean') return false;
  return equalNumbers(found, expected, tolerance);
}

type NumberCell = number | bigint | DecimalCell;

function equalNumbers(found: NumberCell, expected: NumberCell, tolerance: number): boolean {
  if (isExact(found) && isExact(expected)) return orderExact(found, expected) === 0;
  const [x, y] = [approximate(found), approximate(expected)];
  // An infinite number is within any share of itself of every number.
  if (!Number.isFinite(x) || !Number.isFinite(y)) return Object.is(x, y) && typeof found === typeof expected;
  if (typeof expected === 'bigint' && Number.isInteger(x)) return BigInt(x) === expected;
  if (Number.isSafeInteger(x) && Number.isSafeInteger(y)) return x === y;
  return Math.abs(x - y) <= tolerance * Math.max(NEAR_ZERO, Math.abs(x), Math.abs(y));
}

type Row = readonly Cell[];
export const equalRows = (found: Row, expected: Row, tolerance: number): boolean =>
  found.length === expected.length && found.every((value, i) => equal(value, at(expected, i), tolerance));

/** Compares rows of the same length, column by column. */
function compareRows(a: Row, b: Row): number {
  for (const [i, value] of a.entries()) {
    const difference = order(value, at(b, i));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Texts and booleans first, so that rounding can only swap rows that agree in everything else. */
const settled = (row: Row): Row => [...row].sort((a, b) => Number(rank(a) === 2) - Number(rank(b) === 2));

const MATCH_ROWS = 2000;

function sameMultiset(ours: readonly Row[], theirs: readonly Row[], tolerance: number): boolean {
  const sorted = (rows: readonly Row[]) =>
    [...rows].sort((a, b) => compareRows(settled(a), settled(b)) || compareRows(a, b));
  const a = sorted(ours);
  const b = sorted(theirs);
  if (a.every((row, i) => equalRows(row, at(b, i), tolerance))) return true;
  if (a.length > MATCH_ROWS) return false;
  // Values within the tolerance may sort differently: look for a partner for each row.
  const left = [...b];
  return a.every((row) => {
    const partner = left.findIndex((other) => equalRows(row, other, tolerance));
    if (partner >= 0) left.splice(partner, 1);
    return partner >= 0;
  });
}

/**
 * Why the table found is not the expected one, without quoting that. Undefined if they are equal.
 *
 * @param runs lengths of the runs of tied rows, if the order counts; undefined compares multisets
 */
export function difference(
  found: Table,
  expected: Table,
  runs: readonly number[] | undefined,
  settings: CompareSettings,
): string | undefined {
  if (found.columns.length !== expected.columns.length) {
    return `the result has ${found.columns.length} columns, which is not the number expected`;
  }
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  if (settings.columnNames && lower(found.columns).some((name, i) => name !== lower(expected.columns)[i])) {
    return `the columns ${found.columns.join(', ')} are not named as expected`;
  }
  if (found.cut || found.rows.length !== expected.rows.length) {
    return `the result has ${found.cut ? 'more than ' : ''}${found.rows.length} rows, which is not the number expected`;
  }
  if (!sameMultiset(found.rows, expected.rows, settings.tolerance)) return 'the rows are not the expected ones';
  let start = 0;
  for (const run of runs ?? []) {
    const slice = ({ rows }: Table) => rows.slice(start, start + run);
    if (!sameMultiset(slice(found), slice(expected), settings.tolerance))
      return 'the rows are the expected ones in another order';
    start += run;
  }
  return undefined;
}
