import avro from 'avsc';
import { UserError } from '../support/errors.js';
import { BigLong, PlainBytes } from './avro-types.js';
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

const long = new BigLong();
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
      try {
        return type.toBuffer(record);
      } catch {
        throw new UserError('bad-record', `topic ${topic}: ${complaint(type, record)}`);
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
