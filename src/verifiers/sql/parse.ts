import type { DuckDBConnection } from '@duckdb/node-api';
import { parseExact, stringifyExact } from '../../support/exact-json.js';

/** DuckDB's reading of a text: one query, or why it is not. */
export type Parsed =
  | {
      readonly kind: 'query';
      readonly tables: readonly string[];
      /** Functions that it calls, and `tablesample` if it draws rows. */
      readonly functions: readonly string[];
      readonly order: readonly OrderKey[];
      readonly node: QueryNode;
    }
  | { readonly kind: 'syntax'; readonly message: string }
  | { readonly kind: 'denied'; readonly message: string };

/**
 * One ORDER BY key of the outermost query: all columns, a result column by name or position (from 0), or an expression.
 */
export type OrderKey =
  | 'all'
  | { readonly name: string }
  | { readonly position: number }
  | { readonly expression: unknown };

export interface QueryNode {
  readonly type: string;
  readonly modifiers: readonly Modifier[];
  readonly select_list?: readonly unknown[];
}

interface Tree {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly { readonly node: QueryNode }[];
}

interface Modifier {
  readonly type: string;
  readonly orders?: readonly { readonly expression: Expression }[];
}

interface Expression {
  readonly class: string;
  readonly column_names?: readonly string[];
  readonly value?: { readonly type: { readonly id: string }; readonly value: unknown };
}

/** Parses with DuckDB, which serializes only queries: statements that write or configure are never taken for one. */
export async function parseQuery(connection: DuckDBConnection, text: string): Promise<Parsed> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [text]);
  // DuckDB writes `Infinity` for a literal such as 1e309, and numbers beyond 2^53.
  const tree = parseExact(String(reader.getRows()[0]?.[0]), { nonFinite: true }) as Tree;
  if (tree.error) {
    const message = tree.error_message ?? '';
    return { kind: tree.error_type === 'not implemented' ? 'denied' : 'syntax', message };
  }
  const [statement, ...more] = tree.statements ?? [];
  if (!statement) return { kind: 'syntax', message: 'no statement' };
  if (more.length > 0) return { kind: 'denied', message: `${more.length + 1} statements` };
  const tables: string[] = [];
  const functions: string[] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('table_name' in node && typeof node.table_name === 'string') tables.push(node.table_name);
    if ('function_name' in node && typeof node.function_name === 'string') functions.push(node.function_name);
    if ('sample' in node && node.sample !== null) functions.push('tablesample');
    for (const child of Object.values(node)) collect(child);
  };
  const { node } = statement;
  collect(node);
  const orders = node.modifiers.filter(({ type }) => type === 'ORDER_MODIFIER').flatMap(({ orders = [] }) => orders);
  return { kind: 'query', tables, functions, order: orders.map(({ expression }) => orderKey(expression)), node };
}

function orderKey(expression: Expression): OrderKey {
  if (expression.class === 'STAR') return 'all';
  const [name, ...more] = expression.column_names ?? [];
  if (expression.class === 'COLUMN_REF' && name !== undefined && more.length === 0) return { name };
  const constant = expression.class === 'CONSTANT' ? expression.value : undefined;
  const position = constant?.value;
  // A decimal is written as its digits.
  return typeof position === 'number' && constant?.type.id === 'INTEGER' ? { position: position - 1 } : { expression };
}

/**
 * The query with more columns after its own. Undefined if it cannot have them: a UNION or a DISTINCT.
 */
export async function withColumns(
  connection: DuckDBConnection,
  node: QueryNode,
  expressions: readonly unknown[],
): Promise<string | undefined> {
  if (node.type !== 'SELECT_NODE' || node.modifiers.some(({ type }) => type === 'DISTINCT_MODIFIER')) return undefined;
  const wider = { ...node, select_list: [...(node.select_list ?? []), ...expressions] };
  const json = stringifyExact({ error: false, statements: [{ node: wider, named_param_map: [] }] });
  const reader = await connection.runAndReadAll('SELECT json_deserialize_sql($1::JSON)', [json]);
  return String(reader.getRows()[0]?.[0]);
}
