import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { at } from '../../support/required.js';
import { type Cell, cellOf } from './cells.js';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** There were more rows than requested. */
  readonly cut: boolean;
}

export interface SqlLimits {
  /** CPU seconds of one query. */
  readonly seconds: number;
  readonly memoryBytes: number;
}

// Set when the database is created, then locked: no query can reach files, the network or extensions, or change this.
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

/** Opens an empty in-memory database for `work`, and closes it in any case. */
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

/** Runs `work` on the connection and interrupts it after that many CPU seconds of this process. */
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
    const types = reader.columnTypes();
    return {
      columns: reader.columnNames(),
      rows: rows.map((row) => row.map((value, i) => cellOf(value, at(types, i)))),
      cut: reader.currentRowCount > most,
    };
  });
}
