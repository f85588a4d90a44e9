import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ChunkId, privilegedKey } from '../records.js';

/**
 * Embeddings of chunks on disk, so that a resumed run does not compute them again. There is one file per model, named
 * by the model's hash, with one row per chunk: the SHA-256 of its key, then float32 values. An embedding reveals
 * something of its text, so only the owner can read the files, and forgetting a document removes its rows.
 */
export interface VectorCache {
  get(chunk: ChunkId): Float32Array | undefined;
  add(rows: readonly (readonly [ChunkId, Float32Array])[]): void;
}

const KEY_BYTES = 32;
const EXTENSION = '.vectors';

/** @param folder created when the first vector is written */
export function vectorCache(folder: string, modelHash: string): VectorCache {
  const rows = new Map<string, Float32Array>();
  let file: string | undefined;
  const prefix = modelHash.slice(0, 32);
  for (const { path, size } of filesIn(folder).filter(({ name }) => name.startsWith(prefix))) {
    file = path;
    const bytes = readFileSync(path);
    // A crash may have cut the last row short; new rows must not be appended to half a row.
    if (bytes.length % rowBytes(size) > 0) truncateSync(path, bytes.length - (bytes.length % rowBytes(size)));
    for (const [key, vector] of rowsOf(bytes, size)) rows.set(key, vectorOf(vector));
  }
  return {
    get: (chunk) => rows.get(hashOf(chunk).toString('hex')),
    add(added) {
      const [first] = added;
      if (!first) return;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      file ??= join(folder, `${prefix}-${first[1].length}${EXTENSION}`);
      const bytes = added.flatMap(([chunk, vector]) => [
        hashOf(chunk),
        Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
      ]);
      appendFileSync(file, Buffer.concat(bytes), { mode: 0o600 });
    },
  };
}

/** Removes the vectors of chunks from every file of a folder. */
export function forgetVectors(folder: string, chunks: readonly ChunkId[]): void {
  const gone = new Set(chunks.map((chunk) => hashOf(chunk).toString('hex')));
  for (const { path, size } of filesIn(folder)) {
    const kept = [...rowsOf(readFileSync(path), size)].filter(([key]) => !gone.has(key));
    const partial = `${path}.partial`;
    writeFileSync(partial, Buffer.concat(kept.flatMap(([key, bytes]) => [Buffer.from(key, 'hex'), bytes])), {
      mode: 0o600,
    });
    if (kept.length > 0) renameSync(partial, path);
    else for (const empty of [partial, path]) rmSync(empty);
  }
}

/** The vector files of a folder, with the dimension of their vectors. */
function filesIn(folder: string): { readonly name: string; readonly path: string; readonly size: number }[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const size = Number(/^[0-9a-f]+-(\d+)\.vectors$/.exec(name)?.[1]);
    return size > 0 ? [{ name, path: join(folder, name), size }] : [];
  });
}

const rowBytes = (size: number): number => KEY_BYTES + 4 * size;

/** All complete rows. */
function* rowsOf(bytes: Buffer, size: number): Generator<readonly [key: string, vector: Buffer]> {
  const row = rowBytes(size);
  for (let at = 0; at + row <= bytes.length; at += row)
    yield [bytes.toString('hex', at, at + KEY_BYTES), bytes.subarray(at + KEY_BYTES, at + row)];
}

function vectorOf(bytes: Buffer): Float32Array {
  const aligned = Uint8Array.from(bytes);
  return new Float32Array(aligned.buffer);
}

const hashOf = ({ id, version, start }: ChunkId): Buffer =>
  createHash('sha256')
    .update(privilegedKey(id, version, start))
    .digest();
