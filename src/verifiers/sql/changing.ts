/**
 * DuckDB's functions whose result differs between two runs over the same rows, as its `duckdb_functions()` lists them
 * under `stability = 'VOLATILE'`, and those that run a text as a query, which nobody has read.
 */
const CHANGING: ReadonlySet<string> = new Set([
  'current_connection_id',
  'current_query',
  'current_query_id',
  'current_transaction_id',
  'currval',
  'gen_random_uuid',
  'nextval',
  'query',
  'query_table',
  'random',
  'setseed',
  'sleep_ms',
  'stats',
  'tablesample',
  'txid_current',
  'uuid',
  'uuidv4',
  'uuidv7',
  'write_log',
]);

/**
 * Whether a call of a function, or drawing rows, makes a query's result depend on chance or on earlier queries. A
 * policy would be rewarded for luck, and the same answer would get another verdict when a run is replayed.
 */
export const isChanging = (name: string): boolean => CHANGING.has(name);
