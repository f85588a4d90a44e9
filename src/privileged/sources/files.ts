import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../support/errors.js';
import type { DocumentReader } from '../reading/reader.js';
import { listFiles } from './list-files.js';
import type { FileSource, SourceProblem, SourceUnit } from './source.js';
import { problemOf } from './source.js';

/** Maximum bytes of a file. */
const maxFileBytes = 64 << 20;

/**
 * The files of a source, sorted by name. Symbolic links are not followed, since they could lead out of the folder or in
 * circles: each is reported as `document-link`.
 * @throws {UserError} `source-empty` where nothing matches: an empty folder is more often a failed mount than a wish to
 * delete every document; `source-unreadable`, after the files that were found, where a folder cannot be listed
 */
export async function* fileUnits(
  source: FileSource,
  folder: string,
  reader: DocumentReader,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<SourceUnit> {
  const { files, links, unreadable } = await listFiles(source, folder);
  for (const name of links) {
    const message = `${name}: is a symbolic link, which is not followed; name what it points to in privileged.sources`;
    report({ source: name, code: 'document-link', message });
  }
  for (const name of files) {
    try {
      yield await fileUnit(name, join(folder, name), source, reader);
    } catch (error) {
      report(problemOf(name, error));
    }
  }
  if (unreadable.length > 0) {
    const folders = unreadable.map(({ name, code }) => `${name} (${code})`).join(', ');
    throw new UserError(
      'source-unreadable',
      `${source.files.join(', ')}: found folders that cannot be listed: ${folders}; nothing is deleted until they can`,
    );
  }
  if (files.length === 0)
    throw new UserError(
      'source-empty',
      `${source.files.join(', ')}: no file in ${folder} matches, expected at least one`,
    );
}

/** Sorted names of the files that a source matches. */
export const filesOf = async (source: FileSource, folder: string): Promise<readonly string[]> =>
  (await listFiles(source, folder)).files;

async function fileUnit(
  name: string,
  path: string,
  { label, include = [] }: FileSource,
  reader: DocumentReader,
): Promise<SourceUnit> {
  const mark = await fileMark(path);
  let bytes: Uint8Array | undefined;
  const load = async (): Promise<Uint8Array> => {
    bytes ??= await readBounded(name, path);
    return bytes;
  };
  return {
    name,
    stamp: {
      id: name,
      mark,
      contentHash: async () =>
        createHash('sha256')
          .update(await load())
          .digest('hex'),
    },
    async *documents() {
      const extracted = await reader.read(name, await load(), include);
      yield { id: name, itemId: null, kind: 'document', label: label ?? null, ...extracted };
    },
  };
}

/** @throws {UserError} `document-huge`; `document-unreadable` for a file that grows while it is read */
async function readBounded(name: string, path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxFileBytes)
      throw new UserError('document-huge', `${name}: ${size} bytes, expected at most ${maxFileBytes}; split the file`);
    // Room for one byte more tells that the file ended.
    const bytes = Buffer.allocUnsafe(size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = (await file.read(bytes, length, bytes.length - length, length)).bytesRead;
    if (length > size)
      throw new UserError('document-unreadable', `${name}: grew while it was read; the next ingest reads it again`);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Size and times in nanoseconds; the change time moves even where a tool resets the modification time. */
async function fileMark(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${size}:${mtimeNs}:${ctimeNs}`;
}
