import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { UserError } from '../../support/errors.js';
import { OWNER_FILE } from '../../support/owner-only.js';
import type { DatasetRow, PrivilegedColumns, TokenRow } from './dataset.js';

type Column = keyof TokenRow | keyof PrivilegedColumns;

/** Types of the columns in DuckDB, in the order of the file. */
const types: Readonly<Record<Column, string>> = {
  id: 'VARCHAR',
  step: 'INTEGER',
  messages: 'STRUCT(role VARCHAR, content VARCHAR)[]',
  completion: 'VARCHAR',
  reward: 'DOUBLE',
  verdict: 'VARCHAR',
  finishReason: 'VARCHAR',
  policyVersion: 'INTEGER',
  temperature: 'DOUBLE',
  advantage: 'DOUBLE',
  promptTokens: 'INTEGER[]',
  completionTokens: 'INTEGER[]',
  mask: 'TINYINT[]',
  samplingLogprobs: 'FLOAT[]',
  teacherLogprobs: 'FLOAT[]',
  tokenAdvantages: 'FLOAT[]',
  answer: 'VARCHAR',
  privileged: 'STRUCT(id VARCHAR, kind VARCHAR, content VARCHAR)[]',
};

const isColumn = (name: string): name is Column => Object.hasOwn(types, name);

/** @throws {UserError} `bad-request` for a file that ends in neither `.jsonl` nor `.parquet` */
export function checkDatasetFile(file: string): void {
  if (!['.jsonl', '.parquet'].includes(extname(file)))
    throw new UserError('bad-request', `--out ${file}: expected a file that ends in .jsonl or .parquet`);
}

/**
 * Writes rows as JSON lines, or as Parquet where the file's name says so. Only its owner may read a file with
 * privileged columns. JSON has no infinity: a log-probability of minus infinity is null there.
 * @returns the number of rows
 */
export async function writeDataset(
  rows: AsyncIterable<DatasetRow & Partial<PrivilegedColumns>>,
  file: string,
  { isPrivileged = false } = {},
): Promise<number> {
  checkDatasetFile(file);
  const mode = isPrivileged ? OWNER_FILE : 0o666;
  let count = 0;
  const columns = new Set<Column>();
  const lines = async function* () {
    for await (const row of rows) {
      count++;
      for (const name of Object.keys(row)) if (isColumn(name)) columns.add(name);
      yield `${JSON.stringify(row)}\n`;
    }
  };
  const writeLines = (to: string) => pipeline(Readable.from(lines()), createWriteStream(to, { mode }));
  if (extname(file) === '.jsonl') {
    await writeLines(file);
    return count;
  }
  // Only its owner may enter the folder, so nobody else reads what is not finished.
  const scratch = await mkdtemp(join(dirname(file), '.dataset-'));
  try {
    await writeLines(join(scratch, 'rows.jsonl'));
    await toParquet(join(scratch, 'rows.jsonl'), join(scratch, 'rows.parquet'), columns);
    if (isPrivileged) await chmod(join(scratch, 'rows.parquet'), OWNER_FILE);
    await rename(join(scratch, 'rows.parquet'), file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return count;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

async function toParquet(lines: string, file: string, columns: ReadonlySet<Column>): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const names = Object.keys(types).filter((name) => isColumn(name) && columns.has(name)) as Column[];
    const declared = names.map((name) => `${name}: ${literal(types[name])}`).join(', ');
    const selected = names.map((name) =>
      name === 'teacherLogprobs' ? `list_transform(${name}, x -> coalesce(x, '-infinity'::FLOAT)) AS ${name}` : name,
    );
    const source = `read_json(${literal(lines)}, format = 'newline_delimited', columns = {${declared}})`;
    await connection.run(`COPY (SELECT ${selected.join(', ')} FROM ${source}) TO ${literal(file)} (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
