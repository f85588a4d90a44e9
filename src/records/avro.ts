import avro from 'avsc';
import { UserError } from '../support/errors.js';
import { required } from '../support/required.js';
import './bounded-reads.js';

export interface AvroSchema {
  readonly type: 'record';
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: unknown; readonly default?: unknown }[];
}

/** Encodes and decodes the records of one topic. */
export interface Codec<T> {
  /** The current schema, as in `schemas/`. */
  readonly schema: AvroSchema;
  /** SHA-256 of the schema's Avro parsing canonical form, hex; stored in the header `schema` of each record. */
  readonly fingerprint: string;
  /** @throws {UserError} `bad-record` naming topic, field, found and expected. */
  encode(record: T): Uint8Array;
  /**
   * Reads a value that was written under the schema with this fingerprint, by default the current one.
   * @throws {UserError} `unknown-schema` or `bad-record`.
   */
  decode(bytes: Uint8Array, writerFingerprint?: string): T;
}

const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

/** Reads bytes as the plain arrays that records contain, where avsc has Buffers. */
class PlainBytes extends avro.types.BytesType {
  _read(tap: { readBytes(): Buffer | undefined }): Uint8Array | undefined {
    const bytes = tap.readBytes();
    return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
const bytes = new PlainBytes();

/** The Avro type of a schema. Its values have bigints for plain longs, and Buffers for bytes. */
export function avroType(schema: AvroSchema, options: Partial<avro.ForSchemaOptions> = {}): avro.Type {
  return typeOf(schema, { long }, options);
}

/** The Avro type of a schema, matching the generated TypeScript types where it decodes. */
const recordType = (schema: AvroSchema): avro.Type => typeOf(schema, { long, bytes });

function typeOf(
  schema: AvroSchema,
  registry: Readonly<Record<string, avro.Type>>,
  options: Partial<avro.ForSchemaOptions> = {},
): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, {
    ...options,
    // Only plain "long": one with a logical type, a timestamp, stays a number.
    registry: { ...registry },
    wrapUnions: 'never',
    omitRecordMethods: true,
  });
}

export function fingerprintOf(type: avro.Type): string {
  return type.fingerprint('sha256').toString('hex');
}

/**
 * @param topic for messages
 * @param older schemas of earlier releases, whose records can still be read
 */
export function avroCodec<T extends object>(
  topic: string,
  schema: AvroSchema,
  older: readonly AvroSchema[] = [],
): Codec<T> {
  const type = recordType(schema);
  const fingerprint = fingerprintOf(type);
  const writers = new Map(older.map(recordType).map((writer) => [fingerprintOf(writer), writer]));
  const resolvers = new Map<string, ReturnType<avro.Type['createResolver']>>();
  const withBuffers = eachBytes(schema, asBuffer) ?? ((value) => value);

  const resolverOf = (writer: string) => {
    const cached = resolvers.get(writer);
    if (cached) return cached;
    const written = writers.get(writer);
    if (!written) {
      throw new UserError(
        'unknown-schema',
        `topic ${topic}: a record was written under schema ${writer}; this release reads ` +
          `${[fingerprint, ...writers.keys()].join(', ')}`,
      );
    }
    try {
      const resolver = type.createResolver(written);
      resolvers.set(writer, resolver);
      return resolver;
    } catch (error) {
      throw new UserError(
        'unknown-schema',
        `topic ${topic}: a record was written under schema ${writer}, which this release cannot read: ` +
          `${(error as Error).message}`,
      );
    }
  };

  return {
    schema,
    fingerprint,
    encode(record) {
      const value = withBuffers(record);
      try {
        return type.toBuffer(value);
      } catch {
        throw new UserError('bad-record', `topic ${topic}: ${complaint(type, value)}`);
      }
    },
    decode(bytes, writer = fingerprint) {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const resolver = writer === fingerprint ? undefined : resolverOf(writer);
      try {
        return type.fromBuffer(buffer, resolver) as T;
      } catch (error) {
        throw new UserError(
          'bad-record',
          `topic ${topic}: ${bytes.byteLength} bytes are not a valid ${schema.name} under schema ${writer}: ` +
            `${(error as Error).message}`,
        );
      }
    },
  };
}

/** What is wrong with a value, field by field. */
function complaint(type: avro.Type, value: unknown): string {
  const found: string[] = [];
  type.isValid(value, {
    errorHook: (path, wrong, expected) => {
      found.push(`field ${path.join('.') || '(record)'} is ${show(wrong)}; expected ${name(expected)}`);
    },
  });
  return found.join('; ') || `the record does not fit ${type.toString()}`;
}

function name(type: avro.Type): string {
  if (type instanceof avro.types.EnumType) return `one of ${type.symbols.join(', ')}`;
  return type.typeName.startsWith('union') ? type.toString() : (type.name ?? type.typeName.replace('abstract:', ''));
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  const text =
    value === undefined
      ? 'missing'
      : (JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

type Leaf = (bytes: unknown) => unknown;
type Convert = (value: unknown) => unknown;

const asBuffer: Leaf = (value) =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
/**
 * Applies `leaf` to each `bytes` of a record, since avsc requires Buffers and records contain plain byte arrays.
 * Returns undefined for schemas without bytes, which need no conversion. Copies only the path down to the bytes.
 */
function eachBytes(schema: unknown, leaf: Leaf): Convert | undefined {
  if (schema === 'bytes') return leaf;
  if (Array.isArray(schema))
    return schema.map((branch) => eachBytes(branch, leaf)).find((convert) => convert !== undefined);
  if (typeof schema !== 'object' || schema === null) return undefined;
  const { type, fields, items, values } = schema as Readonly<Record<string, unknown>> &
    Partial<Pick<AvroSchema, 'fields'>>;
  if (type === 'array') {
    const convert = eachBytes(items, leaf);
    return convert && ((value) => (Array.isArray(value) ? value.map(convert) : value));
  }
  if (type !== 'record' && type !== 'map')
    return typeof type === 'object' || type === 'bytes' ? eachBytes(type, leaf) : undefined;
  const inner = type === 'map' ? eachBytes(values, leaf) : undefined;
  const recordFields = type === 'map' ? [] : required(fields, 'fields of a record schema');
  const parts = recordFields.flatMap(({ name, type }) => {
    const convert = eachBytes(type, leaf);
    return convert ? [[name, convert] as const] : [];
  });
  if (parts.length === 0 && inner === undefined) return undefined;
  return (value) => {
    if (typeof value !== 'object' || value === null) return value;
    const copy: Record<string, unknown> = { ...value };
    for (const [name, convert] of parts) copy[name] = convert(copy[name]);
    if (inner) for (const name of Object.keys(copy)) copy[name] = inner(copy[name]);
    return copy;
  };
}
