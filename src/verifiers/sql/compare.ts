import { at } from '../../support/required.js';
import type { Cell, Table } from './database.js';

export interface CompareSettings {
  /** Numbers are equal within this share of the larger one, or within a thousandth of it near 0. */
  readonly tolerance: number;
  readonly columnNames: boolean;
}

function rank(value: Cell): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return 1;
  return typeof value === 'string' ? 3 : 2;
}

function order(a: Cell, b: Cell): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === null || b === null || a === b) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

// Where large numbers cancel, the remainder is not exactly 0.
const NEAR_ZERO = 1e-3;

function equal(a: Cell, b: Cell, tolerance: number): boolean {
  if (rank(a) !== 2 || rank(b) !== 2) return a === b;
  // Whole numbers are exact, however large; fractions are rounded.
  const whole = (value: Cell) => typeof value === 'bigint' || Number.isSafeInteger(value);
  if (whole(a) && whole(b)) return BigInt(a as number | bigint) === BigInt(b as number | bigint);
  const x = Number(a);
  const y = Number(b);
  if (Object.is(x, y) || x === y) return true;
  return Math.abs(x - y) <= tolerance * Math.max(NEAR_ZERO, Math.abs(x), Math.abs(y));
}

type Row = readonly Cell[];
export const equalRows = (a: Row, b: Row, tolerance: number): boolean =>
  a.length === b.length && a.every((value, i) => equal(value, b[i] ?? null, tolerance));

const compareRows = (a: Row, b: Row): number => {
  for (const [i, value] of a.entries()) {
    const sign = order(value, b[i] ?? null);
    if (sign !== 0) return sign;
  }
  return 0;
};

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
