import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../../support/digest.js';
import { filesOf } from './files.js';
import { type DocumentSource, nameOf, problemOf } from './source.js';

/** What a source contained at one time, without its text. */
export interface SourceDigest {
  readonly name: string;
  /** SHA-256 of the names and contents of its files; of the error for a file that cannot be read. */
  readonly hash: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Digests a source of files. A topic has no digest: its records are in the same log as the run's.
 * @param folder that paths of the source are relative to
 */
export async function digestSource(source: DocumentSource, folder: string): Promise<SourceDigest | undefined> {
  if ('topic' in source) return undefined;
  const names = 'keyed' in source ? [source.keyed] : await filesOf(source, folder);
  const parts: string[] = [];
  let bytes = 0;
  let files = 0;
  for (const name of names) {
    const hash = createHash('sha256');
    try {
      const path = join(folder, name);
      bytes += await hashFile(hash, path);
      parts.push(name, hash.digest('hex'));
    } catch (error) {
      parts.push(name, problemOf(name, error).message);
    }
    files++;
  }
  return { name: nameOf(source), hash: digest(...parts), files, bytes };
}

async function hashFile(hash: Hash, path: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return bytes;
}
