import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { UserError } from '../support/errors.js';
import { type DType, fromFloat32, toFloat32, WIDTH } from './weights/halves.js';

/** Numbers in row-major order with their shape. */
export interface Tensor<Data = Float32Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** By name, in file order. */
export type Tensors = Map<string, Tensor>;

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Longest header that is taken for a model's. */
const MAX_HEADER = 100_000_000;
/** Maximum bytes per read or write; the system's limit is just under 2 GiB. */
const CHUNK = 1 << 28;

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/**
 * Reads every tensor of a safetensors file as float32 (F32, F16 and BF16 are understood).
 * @param hash is given all bytes of the file in order, so that a digest costs no second read
 * @throws {UserError} `bad-model-file` when the file is missing, truncated, overlapping, or of another type.
 */
export function readSafetensors(file: string, hash?: Hash): Tensors {
  return withFile(file, (fd, length) => {
    const { entries, start } = readHeader(fd, file, length, hash);
    const tensors: Tensors = new Map();
    // In the order of their bytes, without gaps: `readHeader` refuses anything else.
    for (const entry of entries) {
      const bytes = new Uint8Array(entry.end - entry.begin);
      readFully(fd, bytes, start + entry.begin);
      hash?.update(bytes);
      tensors.set(entry.name, { shape: entry.shape, data: toFloat32(bytes, entry.dtype) });
    }
    return tensors;
  });
}

/** Where a tensor is in its file. */
export interface TensorPlace {
  readonly file: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Byte of the file at which they begin. */
  readonly position: number;
}

/** The tensors of a file, from its header alone. @throws {UserError} `bad-model-file`, as `readSafetensors` */
export function listSafetensors(file: string): TensorPlace[] {
  return withFile(file, (fd, length) => {
    const { entries, start } = readHeader(fd, file, length);
    return entries.map(({ name, dtype, shape, begin }) => ({
      ...{ file, name, dtype, shape },
      position: start + begin,
    }));
  });
}

/** Some values of a tensor as float32, so that a large file can be read in parts. */
export function readValues({ file, dtype, position }: TensorPlace, from: number, count: number): Float32Array {
  const bytes = new Uint8Array(count * WIDTH[dtype]);
  withFile(file, (fd) => readFully(fd, bytes, position + from * WIDTH[dtype]));
  return toFloat32(bytes, dtype);
}

function withFile<T>(file: string, use: (fd: number, length: number) => T): T {
  if (!existsSync(file)) throw bad(file, 'the file is missing');
  const fd = openSync(file, 'r');
  try {
    return use(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** What `writeSafetensors` writes besides the numbers. */
export interface SafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** By tensor; float32 where it has none. */
  readonly dtypes?: ReadonlyMap<string, DType>;
}

/**
 * Writes tensors in the order of their names, so that equal tensors give equal bytes: in float32, or rounded to the
 * nearest number of their type. The file appears complete or not at all.
 * @returns the SHA-256 of the file's bytes in hex
 * @throws {UserError} `bad-weights` for a number beyond the range of its type
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, Tensor>,
  { metadata, dtypes }: SafetensorsOptions = {},
): string {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  const parts: { readonly name: string; readonly tensor: Tensor; readonly dtype: DType }[] = [];
  let offset = 0;
  for (const name of names) {
    const tensor = tensors.get(name);
    if (!tensor) continue;
    if (size(tensor.shape) !== tensor.data.length)
      throw new RangeError(
        `${name}: shape [${tensor.shape}] has ${size(tensor.shape)} values, found ${tensor.data.length}`,
      );
    const dtype = dtypes?.get(name) ?? 'F32';
    const end = offset + tensor.data.length * WIDTH[dtype];
    header[name] = { dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
    parts.push({ name, tensor, dtype });
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));

  const partial = `${file}.${process.pid}.partial`;
  const hash = createHash('sha256');
  const fd = openSync(partial, 'w');
  const write = (part: Uint8Array): void => {
    hash.update(part);
    for (let at = 0; at < part.byteLength; ) at += writeSync(fd, part, at, Math.min(CHUNK, part.byteLength - at));
  };
  try {
    write(prefix);
    write(Buffer.from(json));
    for (const { name, tensor, dtype } of parts) {
      if (dtype === 'F16') checkRange(file, name, tensor.data);
      write(fromFloat32(tensor.data, dtype));
    }
    fsyncSync(fd);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(partial, file);
  return hash.digest('hex');
}

/** The largest number that rounds to a finite half is below this. */
const HALF_END = 65_520;

function checkRange(file: string, name: string, data: Float32Array): void {
  const index = data.findIndex((value) => Math.abs(value) >= HALF_END);
  if (index < 0) return;
  throw new UserError(
    'bad-weights',
    `${file}: tensor ${name}: value ${index} is ${data[index]}, which float16 cannot hold; train from a model in bfloat16 ` +
      'or float32',
  );
}

/** SHA-256 in hex of the files' bytes, one after the other. */
export function fileDigest(...files: readonly string[]): string {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(1 << 20);
  for (const file of files) {
    const fd = openSync(file, 'r');
    try {
      for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) hash.update(buffer.subarray(0, n));
    } finally {
      closeSync(fd);
    }
  }
  return hash.digest('hex');
}

function readHeader(fd: number, file: string, length: number, hash?: Hash): { entries: Entry[]; start: number } {
  if (length < 8) throw bad(file, `truncated: ${length} bytes found, a safetensors file has at least 8`);
  const prefix = new Uint8Array(8);
  readFully(fd, prefix, 0);
  const headerLength = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerLength > MAX_HEADER) throw bad(file, `not a safetensors file: its header would have ${headerLength} bytes`);
  const start = 8 + headerLength;
  if (start > length) throw bad(file, `truncated: the header ends at byte ${start}, but the file has ${length} bytes`);
  const text = new Uint8Array(headerLength);
  readFully(fd, text, 8);
  hash?.update(prefix).update(text);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(text));
  } catch {
    throw bad(file, 'not a safetensors file: its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw bad(file, 'not a safetensors file: its header is not an object');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => entryOf(file, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  let previous = 'the header';
  for (const entry of entries) {
    if (entry.begin < end)
      throw bad(
        file,
        `tensor ${entry.name} begins at byte ${entry.begin} and overlaps ${previous}, which ends at ${end}`,
      );
    if (entry.begin > end)
      throw bad(file, `tensor ${entry.name} begins at byte ${entry.begin}, expected ${end}, where ${previous} ends`);
    end = entry.end;
    previous = entry.name;
    if (start + end > length)
      throw bad(file, `truncated: tensor ${entry.name} ends at byte ${start + end}, but the file has ${length} bytes`);
  }
  if (start + end !== length) throw bad(file, `${length - start - end} bytes follow the last tensor, expected none`);
  return { entries, start };
}

function entryOf(file: string, name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !(dtype in WIDTH))
    throw bad(
      file,
      `tensor ${name} has ` +
        `${dtype === undefined ? 'no type' : `type ${typeof dtype === 'string' ? dtype : JSON.stringify(dtype)}`}, ` +
        `expected one of ${Object.keys(WIDTH).join(', ')}`,
    );
  if (!isCounts(shape))
    throw bad(file, `tensor ${name} has shape ${JSON.stringify(shape) ?? 'nothing'}, expected a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2)
    throw bad(file, `tensor ${name} has data_offsets ${JSON.stringify(offsets) ?? 'nothing'}, expected [begin, end]`);
  const [begin = 0, end = 0] = offsets;
  const expected = size(shape) * WIDTH[dtype as DType];
  if (end - begin !== expected)
    throw bad(file, `tensor ${name} has ${end - begin} bytes, but ${dtype} [${shape}] takes ${expected}`);
  return { name, dtype: dtype as DType, shape, begin, end };
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

function readFully(fd: number, into: Uint8Array, position: number): void {
  for (let at = 0; at < into.byteLength; ) {
    const n = readSync(fd, into, at, Math.min(CHUNK, into.byteLength - at), position + at);
    if (n === 0) throw new Error(`the file shrank while it was read: no byte at ${position + at}`);
    at += n;
  }
}

const bad = (file: string, what: string): UserError => new UserError('bad-model-file', `${file}: ${what}`);
