import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { digest } from '../support/digest.js';

/** SHA-256 of a file's bytes, in hex. */
export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** Content hash of files: of a single one, that of its bytes. */
export async function hashOf(files: readonly { readonly path: string }[]): Promise<string> {
  const hashes: string[] = [];
  for (const { path } of files) hashes.push(await fileHash(path));
  const [only] = hashes;
  return hashes.length === 1 && only !== undefined ? only : digest(...hashes);
}
