import { logFolder } from '../pipelines/topic-log.js';
import { codecFor, schemaTopics } from '../records/codec.js';
import { isRedacted, redact } from '../runs/inspect/redact.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { UserError } from '../support/errors.js';
import { openEmbedded } from '../topics/embedded/index.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { fromRecord, type TopicName } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import { isSpread, scanInOrder } from './recorded.js';

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
/** Fields that tell of the partitions in which the records of a run lie. */
const placing: Readonly<Record<string, readonly string[]>> = {
  weights: ['offsets', 'location', 'chunk'],
  'dead-letters': ['key', 'id', 'partition', 'offset'],
};
const transport = new Set(['schema', 'traceparent', 'tracestate']);

export interface CompareOptions {
  /** The two logs have other partitions, so that only the order of each key is decided. */
  readonly byKey?: boolean;
}

/**
 * Compares a topic of two logs record by record, in pages. Names of runs and times do not count.
 * @returns the number of records that are the same, and the first difference
 */
export async function compareTopic(
  expected: TopicLog,
  found: TopicLog,
  topic: string,
  { byKey = false }: CompareOptions = {},
): Promise<{ readonly records: number; readonly difference: Difference | null }> {
  const ignored = new Set([...(passing[topic] ?? []), ...(byKey ? (placing[topic] ?? []) : [])]);
  let records = 0;
  for await (const [was, is] of pairsOf(expected, found, topic, byKey)) {
    const difference = compareRecords(topic, was, is, ignored);
    if (difference) return { records, difference };
    records++;
  }
  return { records, difference: null };
}

type Pair = readonly [LogRecord | undefined, LogRecord | undefined];

async function* pairsOf(expected: TopicLog, found: TopicLog, topic: string, byKey: boolean): AsyncGenerator<Pair> {
  if (byKey) return yield* pairsByKey(scanInOrder(expected, topic), scanInOrder(found, topic));
  const partitions = (await expected.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  const pairs = interleaved.has(topic) ? pairsByKey : pairsInOrder;
  for (const partition of partitions.keys())
    yield* pairs(scan(expected, topic, partition), scan(found, topic, partition));
}

async function* pairsInOrder(a: AsyncGenerator<LogRecord>, b: AsyncGenerator<LogRecord>): AsyncGenerator<Pair> {
  for (;;) {
    const [was, is] = [await a.next(), await b.next()];
    if (was.done && is.done) return;
    yield [was.done ? undefined : was.value, is.done ? undefined : is.value];
  }
}

/** Memory holds what one side has and the other has not come to yet. */
async function* pairsByKey(a: AsyncGenerator<LogRecord>, b: AsyncGenerator<LogRecord>): AsyncGenerator<Pair> {
  const sides = [a, b].map((records) => ({ records, ended: false, waiting: new Map<string, LogRecord[]>() }));
  while (sides.some(({ ended }) => !ended))
    for (const [i, side] of sides.entries()) {
      const next = side.ended ? undefined : await side.records.next();
      if (next?.done) side.ended = true;
      if (!next || next.done) continue;
      const key = pairingKey(next.value);
      const partner = sides[1 - i]?.waiting.get(key)?.shift();
      if (partner) yield i === 0 ? [next.value, partner] : [partner, next.value];
      else side.waiting.set(key, [...(side.waiting.get(key) ?? []), next.value]);
    }
  for (const [i, { waiting }] of sides.entries())
    for (const record of [...waiting.values()].flat()) yield i === 0 ? [record, undefined] : [undefined, record];
}

/** A dead letter's own key tells of the offset of what failed. */
function pairingKey(record: LogRecord): string {
  if (record.topic !== 'dead-letters' || record.value === null) return record.key;
  const { stage, topic, key } = fromRecord('dead-letters', { ...record, value: record.value });
  return JSON.stringify([stage, topic, key]);
}

export interface RunComparison {
  readonly equal: boolean;
  readonly topics: readonly { readonly topic: string; readonly records: number; readonly equal: boolean }[];
  /** In the order of the topics that were compared. */
  readonly difference: Difference | null;
}

/** Compares topics of a run with those of its repetition in the folder `again`. */
export async function compareRun(run: RunFolder, again: string, compared: readonly string[]): Promise<RunComparison> {
  const log = await openEmbedded(logFolder(again), { readOnly: true });
  const byKey = isSpread(run);
  try {
    const topics: RunComparison['topics'][number][] = [];
    let first: Difference | null = null;
    for (const topic of compared) {
      const { records, difference } = await compareTopic(run.log, log, topic, { byKey });
      first ??= difference;
      topics.push({ topic, records, equal: difference === null });
    }
    return { equal: first === null, topics, difference: first };
  } finally {
    await log.close();
  }
}

/** The first difference of two records; null where they say the same. */
export function compareRecords(
  topic: string,
  was: LogRecord | undefined,
  is: LogRecord | undefined,
  ignored: ReadonlySet<string> = new Set(),
): Difference | null {
  const at = {
    topic,
    partition: (was ?? is)?.partition ?? 0,
    offset: (was ?? is)?.offset ?? 0n,
    key: (was ?? is)?.key ?? '',
  };
  const missing = { ...at, field: 'record' };
  if (!was) return { ...missing, expected: 'nothing', found: 'a record' };
  if (!is) return { ...missing, expected: 'a record', found: 'nothing' };
  const first = firstDifference(contentOf(topic, was), contentOf(topic, is), '', ignored);
  return (
    first && { ...at, ...first, ...(isRedacted(topic, first.field) && redactedValues(topic, first.field, was, is)) }
  );
}

/** What differs in a privileged field is told without showing it. */
function redactedValues(topic: string, field: string, was: LogRecord, is: LogRecord) {
  const of = (record: LogRecord) => redact(contentOf(topic, record)[field]);
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
