import { once } from 'node:events';
import avro from 'avsc';
import { type AvroSchema, avroType, fingerprintOf } from '../../records/avro.js';
import { codecFor, releasedSchemas, schemaTopics } from '../../records/codec.js';
import type { LogRecord } from '../../topics/log.js';
import type { TopicName } from '../../topics/record-codec.js';

/** One Avro container file of records of a partition. All of its values have one schema, so any Avro tool shows what they say. */

/** Schemas under which the values of a topic may have been written, by fingerprint; none where a topic holds plain bytes. */
export function writersOf(topic: string): Writers {
  const name = topic.split('.')[0] as TopicName;
  if (!schemaTopics().includes(name)) return new Map();
  const schemas: AvroSchema[] = [codecFor(name).schema, ...releasedSchemas(name).map(({ schema }) => schema)];
  return new Map(schemas.map((schema) => [fingerprintOf(avroType(schema)), { schema, type: avroType(schema) }]));
}

export type Writers = ReadonlyMap<string, Writer>;
export interface Writer {
  readonly schema: AvroSchema;
  readonly type: avro.Type;
}

/**
 * The schema under which a value can be told in full; undefined where only its bytes can.
 * @param writers of its topic
 */
export function writerOf({ value, headers }: LogRecord, writers: Writers): Writer | undefined {
  const [current] = writers.keys();
  const writer = writers.get(headers.schema ?? current ?? '');
  if (value === null || !writer) return undefined;
  try {
    // What another encoder wrote may say the same in other bytes, and it is the bytes that are kept.
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

/** A time stays a number; only with a type of its own does the file's schema say that it is one. */
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

/** @param writer of all values; undefined: they are bytes */
export async function encodeSegment(records: readonly LogRecord[], writer: Writer | undefined): Promise<Buffer> {
  const type = segmentType(envelope(writer?.schema ?? 'bytes'));
  const encoder = new avro.streams.BlockEncoder(
    type as never,
    { codec: 'deflate', syncMarker: Buffer.alloc(16) } as never,
  );
  const parts: Buffer[] = [];
  encoder.on('data', (part: Buffer) => parts.push(part));
  for (const { offset, timestamp, key, headers, value } of records) {
    const told = value === null ? null : writer ? writer.type.fromBuffer(asBuffer(value)) : asBuffer(value);
    const record: Envelope = { offset, timestamp, key, headers: { ...headers }, value: told };
    if (!encoder.write(record)) await once(encoder, 'drain');
  }
  encoder.end();
  await once(encoder, 'end');
  return Buffer.concat(parts);
}

/** The records of a container file. @throws whatever avsc does where the bytes are none */
export async function decodeSegment(bytes: Buffer, topic: string, partition: number): Promise<LogRecord[]> {
  const decoder = new avro.streams.BlockDecoder({
    parseHook: segmentType,
  } as never);
  const records: LogRecord[] = [];
  let writer: avro.Type | undefined;
  decoder.on('metadata', (type: avro.types.RecordType) => {
    const union = type.fields.find(({ name }) => name === 'value')?.type as avro.types.UnwrappedUnionType | undefined;
    writer = union?.types.find(({ typeName }) => typeName !== 'null');
  });
  decoder.end(bytes);
  for await (const { offset, timestamp, key, headers, value } of decoder as AsyncIterable<Envelope>) {
    const raw = value === null ? null : Buffer.isBuffer(value) ? value : (writer?.toBuffer(value) ?? null);
    records.push({ topic, partition, offset, timestamp, key, headers, value: raw });
  }
  return records;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
