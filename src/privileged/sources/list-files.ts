import { type Dirent, readdir } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type FileSystemAdapter, glob } from 'tinyglobby';
import type { FileSource } from './source.js';

/** What a source of files matches, sorted by name, relative to the folder. */
export interface FileList {
  readonly files: readonly string[];
  /** Symbolic links, which are not followed. */
  readonly links: readonly string[];
  /** Folders that cannot be listed, with the system's code. */
  readonly unreadable: readonly { readonly name: string; readonly code: string }[];
}

export async function listFiles({ files: patterns }: Pick<FileSource, 'files'>, folder: string): Promise<FileList> {
  const links = new Set<string>();
  const unreadable: { name: string; code: string }[] = [];
  const list: typeof readdir = ((path: string, options: { withFileTypes: true }, callback: Listed) =>
    readdir(path, options, (error, entries: Dirent[] = []) => {
      // A folder that a pattern names and that does not exist matches nothing.
      if (error && error.code !== 'ENOENT' && error.code !== 'ENOTDIR')
        unreadable.push({ name: relative(folder, path) || '.', code: String(error.code) });
      for (const entry of entries) if (entry.isSymbolicLink()) links.add(resolve(path, entry.name));
      callback(error, entries.map(withLinksAsFiles));
    })) as typeof readdir;
  const fs: FileSystemAdapter = { readdir: list };
  const found = await glob([...patterns], { cwd: folder, followSymbolicLinks: false, expandDirectories: false, fs });
  const isLink = (name: string): boolean => links.has(resolve(folder, name));
  found.sort();
  return { files: found.filter((name) => !isLink(name)), links: found.filter(isLink), unreadable };
}

type Listed = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

/** Links are matched by the patterns as if they were files; otherwise they would disappear without a word. */
function withLinksAsFiles(entry: Dirent): Dirent {
  return entry.isSymbolicLink()
    ? Object.create(entry, { isFile: { value: () => true }, isSymbolicLink: { value: () => false } })
    : entry;
}
