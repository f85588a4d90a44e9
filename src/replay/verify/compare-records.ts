import { elementType } from '../../records/arrays.js';
import { codecFor } from '../../records/codec.js';
import { isRedacted, redact } from '../../runs/inspect/redact.js';
import { UserError } from '../../support/errors.js';
import { at, required } from '../../support/required.js';
import type { LogRecord } from '../../topics/log.js';
import { recordType } from '../../topics/record-codec.js';

/** The first place where two logs differ. */
export interface Difference {
  readonly topic: string;
  readonly partition: number;
  /** Offset in the recorded topic; in the other one where the recorded topic has no such record. */
  readonly offset: bigint;
  readonly key: string;
  /** Path of the field, such as `samplingLogprobs[3]` or `headers.gap`; `record` for a missing or extra record. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** Headers about transport rather than content. */
const transport = new Set(['schema', 'traceparent', 'tracestate']);

/**
 * Compares two records of a topic, of which one may be missing. Run names and times are ignored.
 * @param ignored paths of fields that may differ
 * @returns the first difference; null where the records are equal
 */
export function compareRecords(
  topic: string,
  expected: LogRecord | undefined,
  found: LogRecord | undefined,
  ignored: ReadonlySet<string> = new Set(),
): Difference | null {
  const { partition, offset, key } = required(expected ?? found, `record of topic ${topic} to compare`);
  const place = { topic, partition, offset, key };
  if (!expected) return { ...place, field: 'record', expected: 'nothing', found: 'a record' };
  if (!found) return { ...place, field: 'record', expected: 'a record', found: 'nothing' };
  const difference = firstDifference(contentOf(topic, expected), contentOf(topic, found), '', ignored);
  if (!difference) return null;
  const { field } = difference;
  return {
    ...place,
    ...difference,
    ...(isRedacted(topic, field) && redactedValues(topic, field, expected, found)),
  };
}

/** Describes a difference in a privileged field without showing its text. */
function redactedValues(topic: string, field: string, was: LogRecord, is: LogRecord) {
  const [expected, found] = [was, is].map((record) => redact(contentOf(topic, record)[field]));
  return { expected: String(expected), found: expected === found ? `${found}, another text` : String(found) };
}

function contentOf(topic: string, record: LogRecord): Record<string, unknown> {
  const headers = Object.fromEntries(Object.entries(record.headers).filter(([name]) => !transport.has(name)));
  const place = { key: record.key, headers };
  if (record.value === null) return { ...place, value: null };
  return { ...place, ...fieldsOf(topic, record.value, record.headers.schema) };
}

/** A value's fields without run and time; a value that is not a record of the topic stays as bytes. */
function fieldsOf(topic: string, value: Uint8Array, writer: string | undefined): Record<string, unknown> {
  const name = recordType(topic);
  if (name === undefined) return { value };
  const codec = codecFor(name);
  try {
    const { run: _, time: __, ...fields } = codec.decode(value, writer) as unknown as Record<string, unknown>;
    return name === 'dead-letters' ? { ...fields, ...originOf(fields) } : fields;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { value };
  }
}

/** The record inside a dead letter has a run and a time of its own. */
function originOf({ topic, value, headers }: Record<string, unknown>): Record<string, unknown> {
  const { schema, ...rest } = headers as Record<string, string>;
  return {
    headers: rest,
    value: value instanceof Uint8Array ? fieldsOf(String(topic), value, schema) : null,
  };
}

type FieldDifference = Pick<Difference, 'field' | 'expected' | 'found'>;

function firstDifference(
  was: unknown,
  is: unknown,
  field: string,
  ignored: ReadonlySet<string>,
): FieldDifference | null {
  if (ignored.has(field) || Object.is(was, is)) return null;
  if (was instanceof Uint8Array && is instanceof Uint8Array) return bytesDifference(was, is, field);
  if (isObject(was) && isObject(is)) {
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const path = Array.isArray(was) ? `${field}[${name}]` : field === '' ? name : `${field}.${name}`;
      const difference = firstDifference(was[name], is[name], path, ignored);
      if (difference) return difference;
    }
    return null;
  }
  return { field, expected: shown(was), found: shown(is) };
}

/** The first element that differs, decoded as the field's numbers. */
function bytesDifference(was: Uint8Array, is: Uint8Array, field: string): FieldDifference | null {
  const type = elementType(field);
  const width = type === 'uint8' ? 1 : 4;
  const byte = was.findIndex((one, i) => one !== is[i]);
  if (byte < 0 && was.length === is.length) return null;
  if (byte < 0 || was.length !== is.length)
    return { field: `${field}.length`, expected: String(was.length / width), found: String(is.length / width) };
  const element = Math.floor(byte / width);
  const read = (bytes: Uint8Array) => {
    if (type === 'uint8') return `0x${at(bytes, byte).toString(16).padStart(2, '0')}`;
    const view = new DataView(bytes.buffer, bytes.byteOffset + element * width, width);
    const bits = `0x${view.getUint32(0, true).toString(16).padStart(8, '0')}`;
    return type === 'int32' ? String(view.getInt32(0, true)) : `${view.getFloat32(0, true)} (${bits})`;
  };
  return { field: `${field}[${element}]`, expected: read(was), found: read(is) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array);

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (isObject(value)) return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  return JSON.stringify(value);
}
