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

/** An empty database that an instance has between two uses: it needs one. */
const IDLE = 'idle';
/** Instances between two uses, by their memory limit: making one takes several times as long as judging a query. */
const idle = new Map<string, DuckDBInstance>();
/** Connections on which something ran into a limit. */
const strained = new WeakSet<DuckDBConnection>();

/**
 * Opens an empty in-memory database for `work`, which is gone afterwards with all that was attached next to it. A
 * connection has its own temporary tables and prepared statements, and the configuration is locked, so nothing of one
 * use is there in the next.
 */
export async function withDatabase<T>(
  limits: SqlLimits,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const memory = `${Math.floor(limits.memoryBytes / 1024)}KiB`;
  const instance = idle.get(memory) ?? (await openInstance(memory));
  // Whoever comes meanwhile makes one of its own.
  idle.delete(memory);
  let isSound = false;
  try {
    const result = await connected(instance, async (connection) => {
      await connection.run(`attach ':memory:' as memory; use memory`);
      const found = await work(connection);
      isSound = !strained.has(connection);
      return found;
    });
    if (isSound) await connected(instance, detachAll);
    return result;
  } catch (error) {
    isSound = false;
    throw error;
  } finally {
    if (isSound && !idle.has(memory)) idle.set(memory, instance);
    else instance.closeSync();
  }
}

async function openInstance(memory: string): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: memory, ...closed });
  await connected(instance, async (connection) => {
    await connection.run(`attach ':memory:' as ${IDLE}; use ${IDLE}; detach memory`);
  });
  return instance;
}

async function connected<T>(instance: DuckDBInstance, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
  }
}

async function detachAll(connection: DuckDBConnection): Promise<void> {
  await connection.run(`use ${IDLE}`);
  const reader = await connection.runAndReadAll('select database_name from duckdb_databases() where not internal');
  for (const [name] of reader.getRows())
    if (name !== IDLE) await connection.run(`detach "${String(name).replaceAll('"', '""')}"`);
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
    const isFatal = cause instanceof Error && /Out of Memory|INTERNAL Error|FATAL Error/i.test(cause.message);
    if (late || isFatal) strained.add(connection);
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
