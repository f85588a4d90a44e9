import { existsSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import { UserError } from '../support/errors.js';
import { extensions } from './rows/read.js';

/** A prompt file. */
export interface PromptFile {
  readonly path: string;
  /** For messages: the file's own name, or its path where there are several. */
  readonly name: string;
}

/** Data files: a `.json` next to them describes them. */
const dataFiles = `**/*{${extensions.filter((one) => one !== '.json').flatMap((one) => [one, `${one}.gz`])}}`;

/**
 * The files that paths, folders and globs name, sorted within each. A folder means its data files, or its `.json` files
 * where it has no others.
 * @param folder what relative paths are relative to
 * @throws {UserError} `no-file` for a path that leads nowhere
 */
export async function promptFiles(file: string | readonly string[], folder: string): Promise<readonly PromptFile[]> {
  const paths = new Set<string>();
  for (const path of typeof file === 'string' ? [file] : file)
    for (const found of await filesAt(path, folder)) paths.add(found);
  const found = [...paths];
  return found.map((path) => ({ path, name: found.length === 1 ? basename(path) : relative(folder, path) }));
}

async function filesAt(path: string, folder: string): Promise<readonly string[]> {
  const full = resolve(folder, path);
  const isThere = existsSync(full);
  if (isThere && statSync(full).isFile()) return [full];
  const found = isThere
    ? ((await matches(dataFiles, full)) ?? (await matches('**/*.json', full)))
    : await matches(path, folder);
  if (found) return found;
  const what = isThere ? `no prompt file in this folder; expected one of ${extensions.join(', ')}` : 'no such file';
  throw new UserError('no-file', `${full}: ${what}`);
}

async function matches(pattern: string, folder: string): Promise<readonly string[] | undefined> {
  const found = await glob(pattern, { cwd: folder, expandDirectories: false, absolute: false });
  return found.length === 0 ? undefined : found.sort().map((path) => join(folder, path));
}
