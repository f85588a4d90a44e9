import { once } from 'node:events';
import { inflateRawSync } from 'node:zlib';
import avro from 'avsc';
import { type AvroSchema, avroType, fingerprintOf } from '../../records/avro.js';
import { codecFor, releasedSchemas } from '../../records/codec.js';
import { required } from '../../support/required.js';
import type { LogRecord } from '../../topics/log.js';
import { recordType } from '../../topics/record-codec.js';

/** Schemas with which a topic's values may have been written, by fingerprint; none for a topic of plain bytes. */
export function writersOf(topic: string): Writers {
  const name = recordType(topic);
  if (name === undefined) return new Map();
  const schemas: AvroSchema[] = [codecFor(name).schema, ...releasedSchemas(name).map(({ schema }) => schema)];
  return new Map(schemas.map((schema) => [fingerprintOf(avroType(schema)), { schema, type: avroType(schema) }]));
}

export type Writers = ReadonlyMap<string, Writer>;
export interface Writer {
  readonly schema: AvroSchema;
  readonly type: avro.Type;
}

/**
 * The schema that decodes a record's value losslessly; undefined if it has to be kept as bytes.
 * @param writers schemas of its topic
 */
export function writerOf({ value, headers }: LogRecord, writers: Writers): Writer | undefined {
  const [current] = writers.keys();
  const fingerprint = headers.schema ?? current;
  const writer = fingerprint === undefined ? undefined : writers.get(fingerprint);
  if (value === null || !writer) return undefined;
  try {
    // Another encoder may write the same value as other bytes, which an export must preserve.
    const bytes = asBuffer(value);
    return writer.type.toBuffer(writer.type.fromBuffer(bytes)).equals(bytes) ? writer : undefined;
  } catch {
    return undefined;
  }
}

const envelope = (value: unknown) => ({
  type: 'record',
  name: 'BundleRecord',
  fields: [
    { name: 'offset', type: 'long' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'key', type: 'string' },
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'value', type: ['null', value] },
  ],
});

/** Keeps times as numbers; without a class for it, avsc would drop the logical type from the file's schema. */
class Time extends avro.types.LogicalType {
  override _fromValue(value: unknown) {
    return value;
  }
  override _toValue(value: unknown) {
    return value;
  }
}

const segmentType = (schema: unknown): avro.Type =>
  avroType(schema as AvroSchema, { logicalTypes: { 'timestamp-millis': Time as never } });

interface Envelope {
  readonly offset: bigint;
  readonly timestamp: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: unknown;
}

/** Bytes that a segment may take in memory, whatever its size in the file. */
const INFLATED = 16 << 20;
/** A larger one may take this many times its size. */
const RATIO = 4;
/** Records in a segment at most. */
export const SEGMENT_RECORDS = 200_000;

/**
 * Encodes records of one partition, whose values share one schema, as an Avro container file that any Avro tool reads.
 * @param writer schema of the values; undefined: plain bytes
 */
export async function encodeSegment(records: readonly LogRecord[], writer: Writer | undefined): Promise<Buffer> {
  const deflated = await encodeWith('deflate', records, writer);
  // What an import would take for a bomb is not compressed.
  const isBomb = records.reduce((sum, record) => sum + sizeOf(record), 0) > Math.max(INFLATED, RATIO * deflated.length);
  return isBomb ? encodeWith('null', records, writer) : deflated;
}

/** Bytes of a record in a segment before compression, at most. */
export function sizeOf({ key, headers, value }: LogRecord): number {
  const texts = [key, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 5, 40) + (value?.byteLength ?? 0);
}

async function encodeWith(codec: string, records: readonly LogRecord[], writer: Writer | undefined): Promise<Buffer> {
  const type = segmentType(envelope(writer?.schema ?? 'bytes'));
  const encoder = new avro.streams.BlockEncoder(type as never, { codec, syncMarker: Buffer.alloc(16) } as never);
  const parts: Buffer[] = [];
  encoder.on('data', (part: Buffer) => parts.push(part));
  for (const { offset, timestamp, key, headers, value } of records) {
    const decoded = value === null ? null : writer ? writer.type.fromBuffer(asBuffer(value)) : asBuffer(value);
    const record: Envelope = { offset, timestamp, key, headers: { ...headers }, value: decoded };
    if (!encoder.write(record)) await once(encoder, 'drain');
  }
  encoder.end();
  await once(encoder, 'end');
  return Buffer.concat(parts);
}

/**
 * Decodes the records of a container file that `encodeSegment` wrote.
 * @param writers schemas of its topic; a file with any other is refused
 * @returns the records, and their size in bytes before compression
 * @throws {Error} where the bytes are not such a file, or inflate to more than an export compresses
 */
export async function decodeSegment(
  bytes: Buffer,
  topic: string,
  partition: number,
  writers: Writers,
): Promise<{ readonly records: LogRecord[]; readonly size: number }> {
  const known = new Map<string, Writer | undefined>(
    [undefined, ...writers.values()].map((writer) => [
      fingerprintOf(segmentType(envelope(writer?.schema ?? 'bytes'))),
      writer,
    ]),
  );
  const limit = Math.max(INFLATED, RATIO * bytes.length);
  let size = 0;
  let writer: Writer | undefined;
  const plain = (block: Buffer, done: (error: null, same: Buffer) => void) => {
    size += block.length;
    done(null, block);
  };
  const inflate = (block: Buffer, done: (error: unknown, inflated?: Buffer) => void) => {
    try {
      // One block after the other, so that a file of many blocks takes no more memory than its last.
      const inflated = inflateRawSync(block, { maxOutputLength: Math.max(1, limit - size) });
      size += inflated.length;
      done(null, inflated);
    } catch (error) {
      size = limit;
      done(error);
    }
  };
  const decoder = new avro.streams.BlockDecoder({
    parseHook: (schema: unknown) => {
      const type = segmentType(schema);
      const fingerprint = fingerprintOf(type);
      if (!known.has(fingerprint)) throw new Error(`a schema that topic ${topic} never had`);
      writer = known.get(fingerprint);
      return type;
    },
    codecs: { null: plain, deflate: inflate },
  } as never);
  const records: LogRecord[] = [];
  decoder.end(bytes);
  for await (const { offset, timestamp, key, headers, value } of decoder as AsyncIterable<Envelope>) {
    if (records.length === SEGMENT_RECORDS) throw new Error(`more than ${SEGMENT_RECORDS} records`);
    const raw =
      value === null
        ? null
        : Buffer.isBuffer(value)
          ? value
          : required(writer, 'schema of the values').type.toBuffer(value);
    records.push({ topic, partition, offset, timestamp, key, headers, value: raw });
  }
  return { records, size };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
