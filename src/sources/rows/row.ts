import { ExactNumber } from '../../support/exact-json.js';

/** One row of a prompt file, by field. */
export type Row = Readonly<Record<string, unknown>>;

/** A row, or what is wrong with it, and where it is: a line, or a number counted from 1. */
export type FoundRow = { readonly number: number } & (
  | { readonly row: Row }
  | { readonly row: undefined; readonly problem: string }
);

export const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
