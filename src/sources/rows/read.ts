import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { createGunzip } from 'node:zlib';
import { nearest, UserError } from '../../support/errors.js';
import { csvRows } from './csv.js';
import { jsonLines, jsonRows } from './json.js';
import { parquetRows } from './parquet.js';
import type { FoundRow } from './row.js';

type Read = (bytes: AsyncIterable<Uint8Array>, name: string) => AsyncGenerator<FoundRow>;

const readers: Readonly<Record<string, Read>> = {
  '': jsonLines,
  '.jsonl': jsonLines,
  '.ndjson': jsonLines,
  '.json': jsonRows,
  '.csv': (bytes, name) => csvRows(bytes, name, ','),
  '.tsv': (bytes, name) => csvRows(bytes, name, '\t'),
};

/** Extensions of prompt files. All but Parquet may be followed by `.gz`. */
export const extensions: readonly string[] = [...Object.keys(readers).filter((one) => one !== ''), '.parquet'];

/**
 * The rows of a prompt file, by its extension.
 * @param name of the file, for messages
 * @throws {UserError} `prompts-format` for another extension; `bad-prompts` for a file that cannot be read
 */
export async function* rowsOf(path: string, name: string): AsyncGenerator<FoundRow> {
  const lower = path.toLowerCase();
  const isCompressed = lower.endsWith('.gz');
  const extension = extname(isCompressed ? lower.slice(0, -'.gz'.length) : lower);
  if (extension === '.parquet' && !isCompressed) return yield* parquetRows(path, name);
  const read = readers[extension];
  if (!read) {
    const near = nearest(extension, extensions);
    const expected = near ? `did you mean ${near}?` : `expected one of ${extensions.join(', ')}`;
    throw new UserError('prompts-format', `${name}: found the extension ${extension}; ${expected}`);
  }
  try {
    yield* read(isCompressed ? createReadStream(path).pipe(createGunzip()) : createReadStream(path), name);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (error instanceof UserError || !/^(?:Z_|E[A-Z]+$)/.test(code)) throw error;
    throw new UserError('bad-prompts', `${name}: cannot be read (${code})`);
  }
}
