import { codecFor } from '../records/codec.js';
import type { TopicRecords } from '../records/records.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import type { Append, LogRecord } from './log.js';

export type TopicName = keyof TopicRecords;

/** Topics whose records belong to a prompt's group; a dead letter leaves a gap marker in them. */
export const groupTopics: readonly TopicName[] = ['rollouts', 'verdicts', 'teacher-scores', 'advantages'];

/** The prompt, step and sample of a record. */
export interface Place {
  readonly promptId: string;
  readonly step: number;
  /** null: the whole group. */
  readonly sampleIndex: number | null;
  readonly groupSize: number;
}

/** How a sample was judged before it was left out, so that means still count it. */
export interface Judged {
  readonly reward: number;
  readonly verdict: string;
  /** null: unknown. */
  readonly finishReason: string | null;
}

/** Cause of a gap that a transform left on purpose; there is no dead letter. */
export const FILTERED = 'filtered';

/** Cause of a gap in a place that its step had no prompt for; no sample is missing. */
export const UNUSED = 'unused';

/** Placeholder for samples that became dead letters or were left out, so that their group and step are complete. */
export interface Gap extends Place {
  readonly cause: string;
  readonly judged?: Judged | undefined;
}

const keys: { readonly [K in TopicName]: (record: TopicRecords[K]) => string } = {
  prompts: (r) => r.promptId,
  references: (r) => r.itemId,
  privileged: (r) => r.documentId,
  rollouts: (r) => r.promptId,
  verdicts: (r) => r.promptId,
  'teacher-scores': (r) => r.promptId,
  advantages: (r) => r.promptId,
  weights: () => 'policy',
  metrics: (r) => r.stage,
  'dead-letters': (r) => r.id,
  disagreements: (r) => r.promptId,
  evaluations: (r) => r.stage,
};

/** The type of a topic's records, `verdicts` for `verdicts.half-marks`; undefined for a topic of plain bytes. */
export const recordType = (topic: string): TopicName | undefined =>
  (Object.keys(keys) as TopicName[]).find((name) => topic === name || topic.startsWith(`${name}.`));

/** The place according to a record's fields; undefined for topics without prompts. */
export function placeOf(record: unknown): Place | undefined {
  const { promptId, step, sampleIndex = null, groupSize = 1 } = record as Partial<Place>;
  return promptId === undefined || step === undefined ? undefined : { promptId, step, sampleIndex, groupSize };
}

/** A record ready to append: keyed and encoded, with the schema's fingerprint and its place in the headers. */
export function toAppend<K extends TopicName>(topic: K, record: TopicRecords[K], name: string = topic): Append {
  const { fingerprint: schema, encode } = codecFor(topic);
  const place = placeOf(record);
  const headers = place ? { schema, ...placeHeaders(place) } : { schema };
  return { topic: name, key: keys[topic](record), value: encode(record), headers };
}

/** @throws {UserError} when the value is not a record of the topic's schema. */
export function fromRecord<K extends TopicName>(
  topic: K,
  { value, headers }: { readonly value: Uint8Array; readonly headers: LogRecord['headers'] },
): TopicRecords[K] {
  return codecFor(topic).decode(value, headers.schema);
}

/** The decoded record; undefined for a gap marker, a tombstone, or bytes that are no record of the topic. */
export function recordIn<K extends TopicName>(topic: K, record: LogRecord): TopicRecords[K] | undefined {
  const { value, headers } = record;
  if (value === null) return undefined;
  try {
    return fromRecord(topic, { value, headers });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

export function gapAppend(topic: string, gap: Gap): Append {
  const { cause, judged } = gap;
  return {
    topic,
    key: gap.promptId,
    value: null,
    headers: {
      gap: cause,
      ...placeHeaders(gap),
      ...(judged && {
        reward: String(judged.reward),
        verdict: judged.verdict,
        ...(judged.finishReason !== null && { finish: judged.finishReason }),
      }),
    },
  };
}

/** The gap that a marker describes; undefined for other records. */
export function gapOf(record: LogRecord): Gap | undefined {
  // What cannot be decoded keeps its bytes and gets a header.
  if (record.value !== null && record.headers.gap === undefined) return undefined;
  const place = headerPlace(record);
  return place && { ...place, cause: record.headers.gap ?? 'no-value', judged: headerJudged(record) };
}

function headerJudged({ headers: { reward, verdict, finish } }: LogRecord): Judged | undefined {
  if (reward === undefined || verdict === undefined) return undefined;
  return { reward: Number(reward), verdict, finishReason: finish ?? null };
}

/** How a record was judged; undefined before it is. */
export function judgedOf(record: object): Judged | undefined {
  const { reward, verdict, finishReason = null } = record as Partial<Judged>;
  return reward === undefined || verdict === undefined ? undefined : { reward, verdict, finishReason };
}

/** The place according to a record's headers, readable even if the value is not; undefined where they name none. */
export function headerPlace(record: LogRecord): Place | undefined {
  const step = count(record.headers.step);
  const groupSize = count(record.headers.of);
  const sampleIndex = record.headers.sample === undefined ? null : count(record.headers.sample);
  if (step === undefined || groupSize === undefined || sampleIndex === undefined) return undefined;
  return { promptId: record.key, step, sampleIndex, groupSize };
}

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

function placeHeaders({ step, groupSize, sampleIndex }: Place): Record<string, string> {
  const place = { step: String(step), of: String(groupSize) };
  return sampleIndex === null ? place : { ...place, sample: String(sampleIndex) };
}

/**
 * An append that continues a trace as a span of its stage, in the W3C header `traceparent`. Ids are derived from the
 * record's identity, so repeated work is the same span.
 */
export function traced(append: Append, parent: string | undefined, stage: string): Append {
  const trace = parent?.split('-')[1];
  if (trace === undefined) return append;
  const { topic, key, value, headers } = append;
  const span = digest(trace, stage, topic, headers?.sample ?? '').slice(0, 16);
  return { topic, key, value, headers: { ...headers, traceparent: `00-${trace}-${span}-01` } };
}

/** The `traceparent` that starts the trace of a prompt. */
export const newTrace = (run: string, promptId: string): string =>
  `00-${digest(run, promptId).slice(0, 32)}-${digest('ingest', run, promptId).slice(0, 16)}-01`;
