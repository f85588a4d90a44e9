import type { DuckDBConnection } from '@duckdb/node-api';
import { at } from '../../support/required.js';
import type { Cell } from './cells.js';
import { equalRows } from './compare.js';
import { runQuery, type SqlLimits, type Table } from './database.js';
import { type OrderKey, type QueryNode, withColumns } from './parse.js';

/**
 * Lengths of the runs of rows that tie in every ORDER BY key; within a run any order is right. Keys that the result
 * does not show are fetched by a second query. If that is impossible, every row is a run of its own.
 */
export async function tieRuns(
  connection: DuckDBConnection,
  parsed: { readonly node: QueryNode; readonly order: readonly OrderKey[] },
  result: Table,
  limits: SqlLimits,
  tolerance: number,
): Promise<readonly number[]> {
  const keys = await keysOf(connection, parsed, result, limits);
  if (!keys) return result.rows.map(() => 1);
  const runs: number[] = [];
  for (const [i, key] of keys.entries()) {
    const last = runs.length - 1;
    if (i > 0 && equalRows(key, at(keys, i - 1), tolerance)) runs[last] = at(runs, last) + 1;
    else runs.push(1);
  }
  return runs;
}

/** The values of the ORDER BY keys of every row. */
async function keysOf(
  connection: DuckDBConnection,
  { node, order }: { readonly node: QueryNode; readonly order: readonly OrderKey[] },
  { columns, rows }: Table,
  limits: SqlLimits,
): Promise<readonly (readonly Cell[])[] | undefined> {
  const names = columns.map((name) => name.toLowerCase());
  const hidden: unknown[] = [];
  const positions = order.flatMap((key): number[] => {
    if (key === 'all') return columns.map((_, i) => i);
    if ('position' in key) return [key.position];
    const shown = 'name' in key ? names.indexOf(key.name.toLowerCase()) : -1;
    if (shown >= 0) return [shown];
    const expression =
      'name' in key ? { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [key.name] } : key.expression;
    return [columns.length + hidden.push(expression) - 1];
  });
  const pick = (row: readonly Cell[]) => positions.map((position) => at(row, position));
  if (hidden.length === 0) return rows.map(pick);
  try {
    const query = await withColumns(connection, node, hidden);
    if (query === undefined) return undefined;
    const wider = await runQuery(connection, query, rows.length, limits);
    // A LIMIT may have cut elsewhere between ties.
    return wider.rows.every((row, i) => equalRows(row.slice(0, columns.length), at(rows, i), 0))
      ? wider.rows.map(pick)
      : undefined;
  } catch {
    return undefined; // The query cannot show this key.
  }
}
