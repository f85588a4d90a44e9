import { crc32c } from '@node-rs/crc32';
import { at } from '../../../support/required.js';
import { compressionCodecs } from '../client/internals.js';

/**
 * Kafka's record batches (magic 2), written into and read from one buffer. kafkajs creates an object and several
 * buffers per record, key and header, which costs more than everything else about moving a record.
 * Source: the Kafka protocol's "Record Batch" format.
 */

/** A message to write. */
export interface BatchMessage {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface BatchOptions {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The producer's sequence number of the first message in this partition. */
  readonly firstSequence: number;
  /** Number of Kafka's codec. */
  readonly compression: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface BatchRecord {
  readonly offset: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: Buffer | null;
  /** The last value of each name. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RecordBatch {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly producerId: bigint;
  readonly inTransaction: boolean;
  /** Outcome of the transaction in a control batch; undefined for a batch of records. */
  readonly control?: 'commit' | 'abort';
  readonly records: readonly BatchRecord[];
}

/** Bytes before the records; the length field counts from byte 12, the checksum covers what begins at byte 21. */
const HEADER = 61;
const LENGTH_FROM = 12;
const CHECKED_FROM = 21;
const MAGIC = 2;
const CODEC = 7;
const LOG_APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;

/** One batch of a transactional producer. */
export async function encodeBatch(messages: readonly BatchMessage[], options: BatchOptions): Promise<Buffer> {
  const { producerId, producerEpoch, firstSequence, compression, timestamp } = options;
  const headers = messages.map((message) => Object.entries(message.headers));
  const bounds = messages.map((message, i) => boundOf(message, at(headers, i)));
  const room = Buffer.allocUnsafe(bounds.reduce((sum, bound) => sum + bound, HEADER));
  let end = HEADER;
  for (const [i, message] of messages.entries())
    end = writeRecord(room, end, i, message, at(headers, i), at(bounds, i));
  let batch = room.subarray(0, end);
  if (compression !== 0) {
    const compressed = await compressionCodecs[compression]?.()?.compress({ buffer: batch.subarray(HEADER) });
    if (!compressed) throw new Error(`no codec for compression ${compression}`);
    batch = Buffer.concat([batch.subarray(0, HEADER), compressed]);
  }
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.byteLength - LENGTH_FROM, 8);
  batch.writeInt32BE(0, 12); // leader epoch: filled in by the broker
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(compression | TRANSACTIONAL, 21);
  batch.writeInt32BE(messages.length - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27);
  batch.writeBigInt64BE(BigInt(timestamp), 35);
  batch.writeBigInt64BE(producerId, 43);
  batch.writeInt16BE(producerEpoch, 51);
  batch.writeInt32BE(firstSequence, 53);
  batch.writeInt32BE(messages.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), 17);
  return batch;
}

/** The batches of a fetched partition. The last may be truncated at the size limit. */
export async function decodeBatches(data: Buffer): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for (let at = 0; at + HEADER <= data.byteLength; ) {
    const end = at + LENGTH_FROM + data.readInt32BE(at + 8);
    if (end > data.byteLength) break;
    batches.push(await decodeBatch(data.subarray(at, end)));
    at = end;
  }
  return batches;
}

async function decodeBatch(data: Buffer): Promise<RecordBatch> {
  const magic = data.readInt8(16);
  if (magic !== MAGIC)
    throw new Error(`a record batch of format ${magic}, expected ${MAGIC}: it was written before Kafka 0.11`);
  const attributes = data.readInt16BE(21);
  const firstOffset = data.readBigInt64BE(0);
  const base = {
    firstOffset,
    lastOffset: firstOffset + BigInt(data.readInt32BE(23)),
    producerId: data.readBigInt64BE(43),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
  };
  const count = data.readInt32BE(57);
  const compressed = data.subarray(HEADER);
  if (attributes & CONTROL) return { ...base, control: controlOf(compressed), records: [] };
  const codec = compressionCodecs[attributes & CODEC]?.();
  const bytes = codec && count > 0 ? await codec.decompress(compressed) : compressed;
  const fixed = (attributes & LOG_APPEND_TIME) !== 0;
  const timestamp = Number(data.readBigInt64BE(fixed ? 35 : 27));
  const reader = { bytes, at: 0 };
  return { ...base, records: Array.from({ length: count }, () => readRecord(reader, firstOffset, timestamp, fixed)) };
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function readRecord(reader: Reader, firstOffset: bigint, timestamp: number, fixed: boolean): BatchRecord {
  readVarint(reader); // its length
  reader.at++; // attributes: none are defined
  const delta = readVarint(reader);
  const offset = firstOffset + BigInt(readVarint(reader));
  const key = readText(reader, readVarint(reader));
  const value = readValue(reader, readVarint(reader));
  const headers: Record<string, string> = {};
  for (let left = readVarint(reader); left > 0; left--) {
    const name = readText(reader, readVarint(reader));
    const length = readVarint(reader);
    if (length >= 0) headers[name] = readText(reader, length);
  }
  return { offset, timestamp: fixed ? timestamp : timestamp + delta, key, value, headers };
}

function readText(reader: Reader, length: number): string {
  if (length <= 0) return '';
  reader.at += length;
  return reader.bytes.toString('utf8', reader.at - length, reader.at);
}

function readValue(reader: Reader, length: number): Buffer | null {
  if (length < 0) return null;
  reader.at += length;
  return reader.bytes.subarray(reader.at - length, reader.at);
}

// The key of a control record: version (int16), then 0 for abort and 1 for commit (int16).
function controlOf(bytes: Buffer): 'commit' | 'abort' {
  const reader = { bytes, at: 0 };
  readVarint(reader);
  reader.at++;
  readVarint(reader);
  readVarint(reader);
  readVarint(reader);
  return bytes.readInt16BE(reader.at + 2) === 0 ? 'abort' : 'commit';
}

function nextByte(reader: Reader): number {
  const byte = reader.bytes[reader.at++];
  if (byte === undefined) throw new Error(`a record batch of ${reader.bytes.byteLength} bytes ends within a record`);
  return byte;
}

/** Zigzag, seven bits per byte, lowest first. Reads up to 64 bits; beyond 2^53 it loses precision. */
function readVarint(reader: Reader): number {
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = nextByte(reader);
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
  }
  let high = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = nextByte(reader);
    high += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  const value = high * 2 ** 28 + low;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;

function varintSize(value: number): number {
  const bits = 32 - Math.clz32(zigzag(value));
  return bits === 0 ? 1 : Math.ceil(bits / 7);
}

function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  let next = at;
  for (; rest >= 0x80; rest >>>= 7) target[next++] = (rest & 0x7f) | 0x80;
  target[next++] = rest;
  return next;
}

type Header = readonly [name: string, text: string];

/** The most bytes that a record can take: up to 3 per UTF-16 unit of a text, up to 5 per length or number. */
function boundOf({ key, value }: BatchMessage, headers: readonly Header[]): number {
  let bound = 32 + key.byteLength + (value === null ? 0 : value.byteLength);
  for (const [name, text] of headers) bound += 10 + 3 * (name.length + text.length);
  return bound;
}

// A length comes before what it counts. It gets the bytes that it most likely needs, and what follows it is moved where
// it needs more or fewer: measuring every text first would take longer than writing it.
function writeRecord(
  target: Buffer,
  from: number,
  index: number,
  { key, value }: BatchMessage,
  headers: readonly Header[],
  bound: number,
): number {
  const start = from + varintSize(bound);
  target[start] = 0; // attributes
  target[start + 1] = 0; // the batch's timestamp
  let at = writeVarint(target, start + 2, index);
  at = writeVarint(target, at, key.byteLength);
  target.set(key, at);
  at = writeVarint(target, at + key.byteLength, value === null ? -1 : value.byteLength);
  if (value !== null) {
    target.set(value, at);
    at += value.byteLength;
  }
  at = writeVarint(target, at, headers.length);
  for (const [name, text] of headers) at = writeText(target, writeText(target, at, name), text);
  return prefixLength(target, from, start, at - start);
}

function writeText(target: Buffer, at: number, text: string): number {
  const start = at + varintSize(text.length);
  return prefixLength(target, at, start, target.write(text, start));
}

/** Writes at `at` how many bytes were written from `start` on, and closes the gap. Returns where they end. */
function prefixLength(target: Buffer, at: number, start: number, length: number): number {
  const next = at + varintSize(length);
  if (next !== start) target.copyWithin(next, start, start + length);
  return writeVarint(target, at, length) + length;
}
