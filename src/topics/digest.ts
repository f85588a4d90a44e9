import { createHash, type Hash } from 'node:crypto';
import type { AvroSchema, Codec } from '../records/avro.js';
import { codecFor, schemaTopics } from '../records/codec.js';
import type { DeadLetter, Metric, TopicRecords } from '../records/records.js';
import { UserError } from '../support/errors.js';
import type { LogRecord, TopicLog } from './log.js';
import { scan } from './scan.js';

export interface TopicDigest {
  readonly topic: string;
  readonly count: number;
  /** SHA-256, hex. */
  readonly digest: string;
}

/** Headers about the transport of a record, or about who wrote it, not its content. */
const transport = new Set(['schema', 'stamp', 'traceparent', 'tracestate', 'claim']);

/** Topics that several stages write, each at its own pace: only the order within a key is reproducible. */
export const interleaved: ReadonlySet<string> = new Set(['dead-letters', 'metrics', 'evaluations']);

/**
 * Digest of a topic's content, independent of the run's name and times: each record's key, headers and value, in
 * partition order, with the name emptied, and times, durations and warnings left out. Two runs of one manifest give
 * the same digest. Dead letters, metrics and evaluations come from several stages at once, so their order is ignored.
 * @throws {UserError} `unknown-topic`
 */
export async function topicDigest(log: TopicLog, topic: string): Promise<TopicDigest> {
  const info = (await log.describe()).find(({ name }) => name === topic);
  if (!info) throw new UserError('unknown-topic', `topic ${JSON.stringify(topic)} does not exist in this log`);
  const hash = createHash('sha256');
  let count = 0;
  for (const partition of info.bounds.keys()) {
    part(hash, `partition ${partition}`);
    const letters: string[] = [];
    for await (const record of scan(log, topic, partition)) {
      count++;
      if (!interleaved.has(topic)) addRecord(hash, record);
      else {
        const letter = createHash('sha256');
        addRecord(letter, record);
        letters.push(letter.digest('hex'));
      }
    }
    for (const letter of letters.sort()) part(hash, letter);
  }
  return { topic, count, digest: hash.digest('hex') };
}

function part(hash: Hash, bytes: string | Uint8Array): void {
  hash.update(`${typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength}:`).update(bytes);
}

function addRecord(hash: Hash, { topic, key, value, headers }: LogRecord): void {
  part(hash, key);
  const kept = Object.entries(headers).filter(([name]) => !transport.has(name));
  for (const [name, text] of kept.sort(([a], [b]) => (a < b ? -1 : 1))) {
    part(hash, name);
    part(hash, text);
  }
  if (value === null) hash.update('gap');
  else part(hash, timeless(topic, value, headers.schema));
}

/** A value without its run and its times, under the current schema; a topic without schema keeps its bytes. */
function timeless(topic: string, value: Uint8Array, writer: string | undefined): Uint8Array {
  if (!isTopic(topic)) return value;
  const codec: Codec<TopicRecords[keyof TopicRecords]> = codecFor(topic);
  const record = codec.decode(value, writer);
  const blank: Record<string, unknown> = { ...record, run: '' };
  for (const name of timesOf(codec.schema)) blank[name] = 0;
  // Warnings are said once per process, so a run that was interrupted says some again.
  if (topic === 'metrics') Object.assign(blank, { message: null, values: withoutDurations((record as Metric).values) });
  if (topic === 'dead-letters') Object.assign(blank, timelessOrigin(record as DeadLetter));
  return codec.encode(blank as unknown as typeof record);
}

/** A step's figures besides how long it took. */
function withoutDurations({ seconds: _, ...values }: Metric['values']): Metric['values'] {
  return values;
}

/** A dead letter carries the record that failed, which has a run and times of its own. */
function timelessOrigin(letter: DeadLetter): Partial<DeadLetter> {
  const { schema, ...headers } = letter.headers;
  if (letter.value === null) return { headers };
  try {
    return { headers, value: timeless(letter.topic, letter.value, schema) };
  } catch (error) {
    // It may be a dead letter because it cannot be decoded.
    if (error instanceof UserError) return { headers };
    throw error;
  }
}

function isTopic(topic: string): topic is keyof TopicRecords {
  return schemaTopics().some((name) => name === topic);
}

function timesOf(schema: AvroSchema): string[] {
  return schema.fields.filter(({ type }) => isTime(type)).map(({ name }) => name);
}

function isTime(type: unknown): boolean {
  return typeof type === 'object' && type !== null && 'logicalType' in type && type.logicalType === 'timestamp-millis';
}
