import { UserError } from '../../errors.js';
import { codecFor, schemaTopics } from '../../topics/codec.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { scan } from '../../topics/scan.js';
import { isVeiled, veil } from '../veil.js';
import type { TopicName } from '../wire.js';

/** The first place where two logs say something else. */
export interface Difference {
  readonly topic: string;
  readonly partition: number;
  /** Offset in the recorded topic. */
  readonly offset: bigint;
  readonly key: string;
  /** Path of the field, such as `samplingLogprobs[3]` or `headers.gap`; `record` where a whole record is missing or too many. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** Topics that several stages write, each at its own pace: only the order of each key is decided. */
const interleaved = new Set(['metrics', 'dead-letters']);
/** Fields that tell of one execution, not of what it made. */
const passing: Readonly<Record<string, readonly string[]>> = { metrics: ['values.seconds'] };
const transport = new Set(['schema', 'traceparent', 'tracestate']);

/** Where a topic's records are taken from. */
export interface Side {
  readonly log: TopicLog;
  readonly topic: string;
}

/**
 * Compares a topic of two logs record by record, in pages. Names of runs and times do not count.
 * @returns the number of records that are the same, and the first difference
 */
export async function compareTopic(
  expected: TopicLog,
  found: TopicLog,
  topic: string,
): Promise<{ readonly records: number; readonly difference: Difference | null }> {
  const partitions = (await expected.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  let records = 0;
  for (const partition of partitions.keys()) {
    const pairs = interleaved.has(topic)
      ? pairsByKey({ log: expected, topic }, { log: found, topic }, partition)
      : pairsInOrder({ log: expected, topic }, { log: found, topic }, partition);
    for await (const [was, is] of pairs) {
      const difference = compareRecords(topic, partition, was, is);
      if (difference) return { records, difference };
      records++;
    }
  }
  return { records, difference: null };
}

type Pair = readonly [LogRecord | undefined, LogRecord | undefined];

async function* pairsInOrder(expected: Side, found: Side, partition: number): AsyncGenerator<Pair> {
  const [a, b] = [scan(expected.log, expected.topic, partition), scan(found.log, found.topic, partition)];
  for (;;) {
    const [was, is] = [await a.next(), await b.next()];
    if (was.done && is.done) return;
    yield [was.done ? undefined : was.value, is.done ? undefined : is.value];
  }
}

/** These topics are small: a record a step, and one for each failure. */
async function* pairsByKey(expected: Side, found: Side, partition: number): AsyncGenerator<Pair> {
  const rows = new Map<string, LogRecord[]>();
  for await (const record of scan(found.log, found.topic, partition)) {
    const row = rows.get(record.key) ?? [];
    rows.set(record.key, row);
    row.push(record);
  }
  for await (const record of scan(expected.log, expected.topic, partition))
    yield [record, rows.get(record.key)?.shift()];
  for (const row of rows.values()) for (const record of row) yield [undefined, record];
}

/** The first difference of two records; null where they say the same. */
export function compareRecords(
  topic: string,
  partition: number,
  was: LogRecord | undefined,
  is: LogRecord | undefined,
): Difference | null {
  const at = { topic, partition, offset: (was ?? is)?.offset ?? 0n, key: (was ?? is)?.key ?? '' };
  const missing = { ...at, field: 'record' };
  if (!was) return { ...missing, expected: 'nothing', found: 'a record' };
  if (!is) return { ...missing, expected: 'a record', found: 'nothing' };
  const first = firstDifference(contentOf(topic, was), contentOf(topic, is), '', new Set(passing[topic]));
  return first && { ...at, ...first, ...(isVeiled(topic, first.field) && veiledValues(topic, first.field, was, is)) };
}

/** What differs in a privileged field is told without showing it. */
function veiledValues(topic: string, field: string, was: LogRecord, is: LogRecord) {
  const of = (record: LogRecord) => veil(contentOf(topic, record)[field]);
  const [expected, found] = [of(was), of(is)];
  return { expected, found: expected === found ? `${found}, another text` : found };
}

function contentOf(topic: string, record: LogRecord): Record<string, unknown> {
  const headers = Object.fromEntries(Object.entries(record.headers).filter(([name]) => !transport.has(name)));
  const place = { key: record.key, headers };
  if (record.value === null) return { ...place, value: null };
  return { ...place, ...fieldsOf(topic, record.value, record.headers.schema) };
}

/** A value's fields without run and times; bytes that are no record of the topic stay bytes. */
function fieldsOf(topic: string, value: Uint8Array, writer: string | undefined): Record<string, unknown> {
  const name = topic.split('.')[0] as TopicName;
  if (!schemaTopics().includes(name)) return { value };
  const codec = codecFor(name);
  try {
    const { run: _, time: __, ...fields } = codec.decode(value, writer) as unknown as Record<string, unknown>;
    return name === 'dead-letters' ? { ...fields, ...originOf(fields) } : fields;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { value };
  }
}

/** What a dead letter carries has a run and times of its own. */
function originOf({ topic, value, headers }: Record<string, unknown>): Record<string, unknown> {
  const { schema, ...rest } = headers as Record<string, string>;
  return {
    headers: rest,
    value: value instanceof Uint8Array ? fieldsOf(String(topic), value, schema) : null,
  };
}

interface FieldDifference {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

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

/** The first entry that differs, read as what the field holds. */
function bytesDifference(was: Uint8Array, is: Uint8Array, field: string): FieldDifference | null {
  const kind = /Tokens$/.test(field) ? 'int32' : /(Logprobs|Advantages)$/.test(field) ? 'float32' : 'byte';
  const width = kind === 'byte' ? 1 : 4;
  const at = was.findIndex((byte, i) => byte !== is[i]);
  if (at < 0 && was.length === is.length) return null;
  if (at < 0 || was.length !== is.length)
    return { field: `${field}.length`, expected: String(was.length / width), found: String(is.length / width) };
  const entry = Math.floor(at / width);
  const read = (bytes: Uint8Array) => {
    if (kind === 'byte') return `0x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`;
    const view = new DataView(bytes.buffer, bytes.byteOffset + entry * width, width);
    const bits = `0x${view.getUint32(0, true).toString(16).padStart(8, '0')}`;
    return kind === 'int32' ? String(view.getInt32(0, true)) : `${view.getFloat32(0, true)} (${bits})`;
  };
  return { field: `${field}[${entry}]`, expected: read(was), found: read(is) };
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
