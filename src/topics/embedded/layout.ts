import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { UserError } from '../../support/errors.js';
import { DamagedRecordError, hex, type LogRecord } from '../log.js';

/**
 * Layout of the database, an ordered map from bytes to bytes:
 *
 *     f                              format of the folder, JSON
 *     w                              the process that may write, JSON
 *     t name                         a topic's id and settings, JSON
 *     p id partition                 bounds of a partition
 *     r id partition offset          a record
 *     k id partition sha256(key)     compacted topics: offset of the key's newest record
 *     g id partition group           a group's next offset
 *
 * Every value but `f` and `w` begins with a checksum of its key and of the bytes that follow.
 */
export const tags = { format: 'f', writer: 'w', topic: 't', partition: 'p', record: 'r', key: 'k', group: 'g' };

export interface Bounds {
  start: bigint;
  end: bigint;
  bytes: number;
  /** Of the last record. Timestamps never decrease within a partition, which allows a binary search. */
  timestamp: number;
}

export const formatKey = Buffer.from(tags.format);
export const writerKey = Buffer.from(tags.writer);
export const topicKey = (name: string) => Buffer.from(tags.topic + name);
export const topicRange = { start: Buffer.from(tags.topic), end: Buffer.from('u') };

function partitioned(tag: string, id: number, partition: number, rest: number): Buffer {
  const key = Buffer.allocUnsafe(9 + rest);
  key.write(tag, 'latin1');
  key.writeUInt32BE(id, 1);
  key.writeUInt32BE(partition, 5);
  return key;
}

export const boundsKey = (id: number, partition: number) => partitioned(tags.partition, id, partition, 0);

export function recordKey(id: number, partition: number, offset: bigint): Buffer {
  const key = partitioned(tags.record, id, partition, 8);
  key.writeBigUInt64BE(offset, 9);
  return key;
}

export const offsetOfKey = (key: Buffer) => key.readBigUInt64BE(9);

export function newestKey(id: number, partition: number, key: string): Buffer {
  const hash = createHash('sha256').update(key).digest();
  return Buffer.concat([partitioned(tags.key, id, partition, 0), hash]);
}

export function groupKey(id: number, partition: number, group: string): Buffer {
  return Buffer.concat([partitioned(tags.group, id, partition, 0), Buffer.from(group)]);
}

/** The topic id and partition in a key that has them. */
export const partOf = (place: Buffer) => ({ id: place.readUInt32BE(1), partition: place.readUInt32BE(5) });

/** Describes the entry at a key that is not that of a record; undefined if the key is not part of a log. */
export function entryName(place: Buffer): string | undefined {
  const tag = place.toString('latin1', 0, 1);
  if (tag === tags.topic) return `settings of topic ${place.toString('utf8', 1)}`;
  if (place.length < 9) return undefined;
  const names: Readonly<Record<string, string>> = {
    [tags.partition]: 'bounds',
    [tags.key]: 'index of the newest record of a key',
    [tags.group]: `committed offset of group ${place.toString('utf8', 9)}`,
  };
  return names[tag];
}

/** An entry other than a record is missing or has the wrong checksum. */
export class DamagedEntryError extends UserError {
  override readonly name = 'DamagedEntryError';
  readonly what: string;
  constructor(
    readonly place: Buffer,
    readonly expected: string,
    readonly found: string,
  ) {
    const what = entryName(place) ?? 'entry';
    super('damaged-log', `the log is damaged: ${what}: found checksum ${found}, expected ${expected}`);
    this.what = what;
  }
}

const SEAL = 4;

function sealed(place: Buffer, length: number, write: (bytes: Buffer) => unknown): Buffer {
  const bytes = Buffer.allocUnsafe(SEAL + length);
  write(bytes.subarray(SEAL));
  bytes.writeUInt32BE(checksum(place, bytes));
  return bytes;
}

/** @throws {DamagedEntryError} if the checksum does not match the entry's key and bytes */
export function unseal(place: Buffer, bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) throw new DamagedEntryError(place, 'one', 'none');
  const [expected, found] = bytes.length < SEAL ? [0, -1] : [bytes.readUInt32BE(), checksum(place, bytes)];
  if (found !== expected) throw new DamagedEntryError(place, hex(expected), hex(found));
  return bytes.subarray(SEAL);
}

export function encodeJson(place: Buffer, value: unknown): Buffer {
  const json = JSON.stringify(value);
  return sealed(place, Buffer.byteLength(json), (bytes) => bytes.write(json));
}

export const decodeJson = (place: Buffer, bytes: Buffer): unknown => JSON.parse(unseal(place, bytes).toString());

export const encodeOffset = (place: Buffer, offset: bigint): Buffer =>
  sealed(place, 8, (bytes) => bytes.writeBigUInt64BE(offset));

export const decodeOffset = (place: Buffer, bytes: Buffer): bigint => unseal(place, bytes).readBigUInt64BE();

export const encodeBounds = (place: Buffer, bounds: Bounds): Buffer =>
  sealed(place, 32, (bytes) => {
    bytes.writeBigUInt64BE(bounds.start, 0);
    bytes.writeBigUInt64BE(bounds.end, 8);
    bytes.writeDoubleBE(bounds.bytes, 16);
    bytes.writeDoubleBE(bounds.timestamp, 24);
  });

export function decodeBounds(place: Buffer, sealedBytes: Buffer | undefined): Bounds {
  const bytes = unseal(place, sealedBytes);
  return {
    start: bytes.readBigUInt64BE(0),
    end: bytes.readBigUInt64BE(8),
    bytes: bytes.readDoubleBE(16),
    timestamp: bytes.readDoubleBE(24),
  };
}

// A record: CRC-32 u32 of its database key and of all that follows, timestamp f64, 1 if there is a value, key length
// u32, headers length u32, key, headers as JSON, value.
const fixed = 21;

/** @param place the record's key in the database */
export function encodeRecord(
  place: Uint8Array,
  key: string,
  headers: Readonly<Record<string, string>> | undefined,
  value: Uint8Array | null,
  timestamp: number,
): Buffer {
  const json = headers === undefined ? '' : JSON.stringify(headers);
  const keyLength = Buffer.byteLength(key);
  const headersLength = Buffer.byteLength(json);
  const bytes = Buffer.allocUnsafe(fixed + keyLength + headersLength + (value === null ? 0 : value.byteLength));
  bytes.writeDoubleBE(timestamp, 4);
  bytes[12] = value === null ? 0 : 1;
  bytes.writeUInt32BE(keyLength, 13);
  bytes.writeUInt32BE(headersLength, 17);
  bytes.write(key, fixed, 'utf8');
  bytes.write(json, fixed + keyLength, 'utf8');
  if (value !== null) bytes.set(value, fixed + keyLength + headersLength);
  bytes.writeUInt32BE(checksum(place, bytes));
  return bytes;
}

const checksum = (place: Uint8Array, bytes: Buffer): number => crc32(bytes.subarray(4), crc32(place));

export const timestampOf = (bytes: Buffer) => bytes.readDoubleBE(4);
export const keyOf = (bytes: Buffer) => bytes.toString('utf8', fixed, fixed + bytes.readUInt32BE(13));

/** @throws {DamagedRecordError} if the checksum does not match its database key and bytes */
export function decodeRecord(topic: string, partition: number, place: Buffer, bytes: Buffer): LogRecord {
  const offset = offsetOfKey(place);
  const [expected, found] = bytes.length < fixed ? [0, -1] : [bytes.readUInt32BE(), checksum(place, bytes)];
  if (found !== expected) throw new DamagedRecordError({ topic, partition, offset }, expected, found);
  const afterKey = fixed + bytes.readUInt32BE(13);
  const afterHeaders = afterKey + bytes.readUInt32BE(17);
  return {
    topic,
    partition,
    offset,
    timestamp: timestampOf(bytes),
    key: keyOf(bytes),
    value:
      bytes[12] === 1
        ? new Uint8Array(bytes.buffer, bytes.byteOffset + afterHeaders, bytes.byteLength - afterHeaders)
        : null,
    headers: afterHeaders === afterKey ? {} : JSON.parse(bytes.toString('utf8', afterKey, afterHeaders)),
  };
}
