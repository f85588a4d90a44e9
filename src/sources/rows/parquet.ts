import type { DuckDBConnection } from '@duckdb/node-api';
import { UserError } from '../../support/errors.js';
import { parseExact } from '../../support/exact-json.js';
import type { FoundRow } from './row.js';

/** How a column is read: as text, as the digits of a number, or as JSON. */
type Reading = 'text' | 'number' | 'json';

const NUMBER = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(.*\)|FLOAT|DOUBLE)$/;

/**
 * Rows of a Parquet file, read by DuckDB, which has its own reader: nothing is downloaded. Columns with binary content,
 * such as images, are left out.
 * @throws {UserError} `bad-prompts` for a file that is not Parquet, or damaged
 */
export async function* parquetRows(path: string, name: string): AsyncGenerator<FoundRow> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    yield* rowsOf(connection, `read_parquet(${quoted(path, "'")})`);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof UserError) throw error;
    const [reason] = error.message.split('\n');
    throw new UserError('bad-prompts', `${name}: cannot be read as Parquet: ${reason}`);
  } finally {
    instance.closeSync();
  }
}

async function* rowsOf(connection: DuckDBConnection, table: string): AsyncGenerator<FoundRow> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`);
  const columns = described.getRows().flatMap(([column, type]) => {
    const reading = readingOf(String(type));
    return reading ? [{ column: String(column), reading }] : [];
  });
  if (columns.length === 0) return;
  const selected = columns.map(({ column, reading }) => expression(quoted(column, '"'), reading)).join(', ');
  const result = await connection.stream(`SELECT ${selected} FROM ${table}`);
  let number = 0;
  for await (const rows of result.yieldRows())
    for (const values of rows) {
      number++;
      yield parsed(
        columns.map(({ column, reading }, index) => [column, reading, values[index]] as const),
        number,
      );
    }
}

function readingOf(type: string): Reading | undefined {
  if (/BLOB|BIT/.test(type)) return undefined;
  if (NUMBER.test(type)) return 'number';
  return /^(?:STRUCT|MAP|BOOLEAN)|\]$/.test(type) ? 'json' : 'text';
}

const expression = (column: string, reading: Reading): string =>
  `CAST(${reading === 'json' ? `to_json(${column})` : column} AS VARCHAR)`;

const quoted = (text: string, mark: string): string => mark + text.replaceAll(mark, mark + mark) + mark;

function parsed(cells: readonly (readonly [string, Reading, unknown])[], number: number): FoundRow {
  const entries: [string, unknown][] = [];
  for (const [column, reading, value] of cells) {
    if (typeof value !== 'string') continue;
    try {
      entries.push([column, reading === 'text' ? value : parseExact(value, { keep: 'digits' })]);
    } catch {
      // The columns of data frames have NaN where a number is missing.
      if (reading === 'number') continue;
      return { number, row: undefined, problem: `${column}: found a number that is not finite, expected JSON` };
    }
  }
  return { number, row: Object.fromEntries(entries) };
}
