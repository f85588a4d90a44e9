import { createHash } from 'node:crypto';
import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { UserError } from '../../support/errors.js';
import { extractText } from './extract.js';
import type { FileSource, SourceProblem, SourceUnit } from './source.js';
import { problemOf } from './source.js';

/** Maximum bytes of a file. */
const maxFileBytes = 64 << 20;

/**
 * The files of a source, sorted by name. Symbolic links are skipped: they could lead out of the folder.
 * @throws {UserError} `source-empty` where nothing matches: an empty folder is more often a failed mount than a wish to
 * delete every document
 */
export async function* fileUnits(
  source: FileSource,
  folder: string,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<SourceUnit> {
  const found = await filesOf(source, folder);
  if (found.length === 0) {
    throw new UserError(
      'source-empty',
      `${source.files.join(', ')}: no file in ${folder} matches, expected at least one`,
    );
  }
  for (const name of found) {
    const path = join(folder, name);
    try {
      if ((await lstat(path)).isSymbolicLink()) continue;
      yield await fileUnit(name, path, source.label ?? null);
    } catch (error) {
      report(problemOf(name, error));
    }
  }
}

/** Sorted names of the files that a source matches, symbolic links included. */
export async function filesOf({ files }: FileSource, folder: string): Promise<string[]> {
  const found = await glob([...files], { cwd: folder, followSymbolicLinks: false, expandDirectories: false });
  return found.sort();
}

async function fileUnit(name: string, path: string, label: string | null): Promise<SourceUnit> {
  const mark = await fileMark(path);
  let bytes: Uint8Array | undefined;
  const load = async (): Promise<Uint8Array> => {
    const { size } = await stat(path);
    if (size > maxFileBytes) {
      throw new UserError('document-huge', `${name}: ${size} bytes, expected at most ${maxFileBytes}; split the file`);
    }
    bytes ??= await readFile(path);
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
      const extracted = await extractText(name, await load());
      yield { id: name, itemId: null, kind: 'document', label, ...extracted };
    },
  };
}

/** Size and times in nanoseconds; the change time moves even where a tool resets the modification time. */
async function fileMark(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${size}:${mtimeNs}:${ctimeNs}`;
}
