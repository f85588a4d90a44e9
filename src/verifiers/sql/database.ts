import { type DuckDBConnection, DuckDBDecimalValue, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';

/** A cell as it is compared: numbers of every type are one kind, everything else its text. */
export type Cell = null | boolean | number | bigint | string;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** There were more rows than asked for. */
  readonly cut: boolean;
}

export interface SqlLimits {
  /** CPU seconds of one query. */
  readonly seconds: number;
  readonly memoryBytes: number;
}

// Set while the database is made and locked then: no query can reach a file, the network or an extension, or change this.
const closed = {
  temp_directory: '',
  threads: '1',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  enable_external_access: 'false',
  lock_configuration: 'true',
};

const POLL_MILLISECONDS = 20;

/** Opens an empty database in memory, gives it to `work`, and closes it whatever comes. */
export async function withDatabase<T>(
  limits: SqlLimits,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(limits.memoryBytes / 1024)}KiB`,
    ...closed,
  });
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

export class SqlTimeout extends Error {}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Runs `work` on the connection and interrupts it once this process has spent the seconds on it. */
async function withDeadline<T>(connection: DuckDBConnection, seconds: number, work: () => Promise<T>): Promise<T> {
  const start = cpuSeconds();
  let late = false;
  const timer = setInterval(() => {
    if (cpuSeconds() - start <= seconds) return;
    late = true;
    connection.interrupt();
  }, POLL_MILLISECONDS);
  try {
    return await work();
  } catch (cause) {
    throw late ? new SqlTimeout() : cause;
  } finally {
    clearInterval(timer);
  }
}

function cell(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint')
    return value;
  if (value instanceof DuckDBDecimalValue) return value.scale === 0 ? value.value : value.toDouble();
  // A date and the midnight that begins it are the same instant, whichever type a query gives it.
  return String(value).replace(/^(\d{4}-\d{2}-\d{2}) 00:00:00$/, '$1');
}

/** Runs a script of DDL and INSERTs. */
export function runScript(connection: DuckDBConnection, script: string, limits: SqlLimits): Promise<void> {
  return withDeadline(connection, limits.seconds * 5, async () => {
    await connection.run(script);
  });
}

/** Runs one query and reads at most `most` rows. */
export function runQuery(connection: DuckDBConnection, query: string, most: number, limits: SqlLimits): Promise<Table> {
  return withDeadline(connection, limits.seconds, async () => {
    const reader = await connection.streamAndReadUntil(query, most + 1);
    const rows = reader.getRows().slice(0, most);
    return {
      columns: reader.columnNames(),
      rows: rows.map((row) => row.map(cell)),
      cut: reader.currentRowCount > most,
    };
  });
}

/** What DuckDB's parser makes of a text: one query, or why it is none. */
export type Parsed =
  | { readonly kind: 'query'; readonly tables: readonly string[]; readonly order: readonly OrderKey[] }
  | { readonly kind: 'syntax'; readonly message: string }
  | { readonly kind: 'denied'; readonly message: string };

/** One ORDER BY key of the outermost query: a column of the result by name or by position (from 0), or an expression. */
export type OrderKey = { readonly name: string } | { readonly position: number } | 'expression';

interface Tree {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly { readonly node: { readonly modifiers: readonly Modifier[] } }[];
}

interface Modifier {
  readonly type: string;
  readonly orders?: readonly { readonly expression: Expression }[];
}

interface Expression {
  readonly class: string;
  readonly column_names?: readonly string[];
  readonly value?: { readonly value: unknown };
}

/** Parses with DuckDB itself, which serialises queries alone: nothing that writes or configures comes through as one. */
export async function parseQuery(connection: DuckDBConnection, text: string): Promise<Parsed> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [text]);
  const tree = JSON.parse(String(reader.getRows()[0]?.[0])) as Tree;
  if (tree.error) {
    const message = tree.error_message ?? '';
    return { kind: tree.error_type === 'not implemented' ? 'denied' : 'syntax', message };
  }
  const [statement, ...more] = tree.statements ?? [];
  if (!statement) return { kind: 'syntax', message: 'no statement' };
  if (more.length > 0) return { kind: 'denied', message: `${more.length + 1} statements` };
  const tables: string[] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('table_name' in node && typeof node.table_name === 'string') tables.push(node.table_name);
    for (const child of Object.values(node)) collect(child);
  };
  collect(statement.node);
  const orders = statement.node.modifiers
    .filter(({ type }) => type === 'ORDER_MODIFIER')
    .flatMap(({ orders = [] }) => orders);
  return { kind: 'query', tables, order: orders.map(({ expression }) => orderKey(expression)) };
}

function orderKey(expression: Expression): OrderKey {
  const name = expression.class === 'COLUMN_REF' ? expression.column_names?.at(-1) : undefined;
  if (name !== undefined) return { name };
  const position = expression.class === 'CONSTANT' ? expression.value?.value : undefined;
  return typeof position === 'number' ? { position: position - 1 } : 'expression';
}
