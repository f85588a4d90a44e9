import { resolve } from 'node:path';
import type { GroupTopic } from '../../operators/transform.js';
import type { OnDeadLetter } from '../../runtime/stage.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { topicDigest } from '../../topics/digest.js';
import type { Append, LogRecord, TopicLog } from '../../topics/log.js';
import { gapAppend, gapOf, headerPlace, recordIn, toAppend, traced } from '../../topics/record-codec.js';
import { loadStore } from '../../topics/registry.js';
import { scan, scanInOrder } from '../../topics/scan.js';
import type { FromSpec } from '../spec/spec.js';
import { openLog } from '../topic-log.js';
import { type Fed, type Feed, type Places, placeIn } from './feed.js';
import { passId } from './pass-id.js';
import { problemAppend } from './problem.js';
import { recordedSpec } from './recorded-spec.js';

/** Topics that stages look records up in; they come along. */
const tables = ['references', 'privileged'] as const;

/** Opens the topics of the run that a pipeline begins from. @throws {UserError} `no-run` */
export async function openRecorded({ run }: FromSpec, folder: string): Promise<TopicLog> {
  const path = resolve(folder, run);
  const { spec, folder: base } = recordedSpec(path);
  return openLog({ store: await loadStore(spec.topics, base) }, path, { readOnly: true });
}

/** Content hash of the recorded topic. @throws {UserError} `no-run`, `unknown-topic` */
export async function recordedDigest(from: FromSpec, folder: string): Promise<string> {
  const log = await openRecorded(from, folder);
  try {
    await requireTopic(log, from);
    const read = [from.topic, ...(await tablesOf(log))];
    const digests: string[] = [];
    for (const topic of read) digests.push((await topicDigest(log, topic)).digest);
    return digest(...digests);
  } finally {
    await log.close();
  }
}

/** @throws {UserError} `unknown-topic` */
export async function requireTopic(log: TopicLog, { run, topic }: FromSpec): Promise<void> {
  const names = (await log.describe()).map(({ name }) => name);
  if (names.includes(topic)) return;
  const near = nearest(topic, names);
  throw new UserError(
    'unknown-topic',
    `from.topic: ${run} has no topic ${topic}; ` +
      `${near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`}`,
  );
}

async function tablesOf(log: TopicLog): Promise<(typeof tables)[number][]> {
  const names = (await log.describe()).map(({ name }) => name);
  return tables.filter((table) => names.includes(table));
}

export interface RecordedEnvironment {
  /** The stage's name. */
  readonly name: string;
  /** Where the recorded topic is. */
  readonly recorded: TopicLog;
  readonly topic: GroupTopic;
  /** Whether the samples are read over and over. */
  readonly endless: boolean;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
}

/**
 * The samples of a recorded topic, group by group in the order of their prompts. They keep who sampled them and when,
 * and get this run's numbers and steps. A group with missing records becomes a dead letter.
 */
export function recordedFeed(environment: RecordedEnvironment): Feed {
  const { recorded, topic, endless } = environment;
  return {
    catchUp: async () => {},
    async *from(places) {
      const start = placeIn(places, '');
      if (start.position === 0n) yield await tableRecords(recorded, places);
      const order = await groupsOf(recorded, topic);
      if (!order.some(({ missing }) => missing <= 0))
        throw new UserError('no-samples', `topic ${topic}: found no complete group of samples, expected at least one`);
      const length = BigInt(order.length);
      let { position, count } = start;
      for (let pass = position / length; pass === 0n || endless; pass++)
        for await (const group of groupsFrom(recorded, topic, order, Number(position % length))) {
          const isCounted = group.missing <= 0;
          const at = position;
          position++;
          if (isCounted) count++;
          const next = new Map([['', { position, count }]]);
          if (isCounted) yield { next, counts: true, appends: copies(group, Number(pass), environment) };
          else if (pass === 0n)
            yield { next, counts: false, appends: async () => [incomplete(group, at, environment)] };
        }
    },
  };
}

async function tableRecords(recorded: TopicLog, places: Places): Promise<Fed> {
  const appends: Append[] = [];
  for (const topic of await tablesOf(recorded))
    for await (const { key, value, headers } of scanInOrder(recorded, topic))
      appends.push({ topic, key, value, headers });
  return { next: places, counts: false, appends: async () => appends };
}

/** A prompt's group in a recorded topic. */
interface Place {
  readonly key: string;
  readonly step: number;
  /** -1 where the group has no sample left. */
  readonly sequence: bigint;
  /** Samples that are neither there nor known to be left out. */
  readonly missing: number;
  readonly groupSize: number;
}

interface Group extends Place {
  readonly records: readonly LogRecord[];
}

const samplesIn = ({ sampleIndex, groupSize }: { readonly sampleIndex: number | null; readonly groupSize: number }) =>
  sampleIndex === null ? groupSize : 1;

/** All groups, in the order of their prompts. */
async function groupsOf(log: TopicLog, topic: GroupTopic): Promise<Place[]> {
  const found = new Map<string, Place>();
  const info = (await log.describe()).find(({ name }) => name === topic);
  for (const partition of required(info, `topic ${topic}`).bounds.keys())
    for await (const record of scan(log, topic, partition)) {
      const place = headerPlace(record);
      if (!place) continue;
      const { key } = record;
      const { step, groupSize } = place;
      const before = found.get(key) ?? { key, step, sequence: -1n, missing: groupSize, groupSize };
      const sequence = recordIn(topic, record)?.sequence ?? before.sequence;
      found.set(key, { ...before, sequence, missing: before.missing - samplesIn(place) });
    }
  return [...found.values()].sort((a, b) => a.step - b.step || (a.sequence < b.sequence ? -1 : 1));
}

/** The groups of a list from an index on, with their records. */
async function* groupsFrom(
  log: TopicLog,
  topic: GroupTopic,
  order: readonly Place[],
  from: number,
): AsyncGenerator<Group> {
  const missing = new Map(order.slice(from).map(({ key, groupSize }) => [key, groupSize]));
  const records = new Map<string, LogRecord[]>();
  const isReady = (group: Place) => group.missing > 0 || (missing.get(group.key) ?? 0) <= 0;
  let next = from;
  for await (const record of scanInOrder(log, topic)) {
    const place = headerPlace(record);
    const left = missing.get(record.key);
    if (!place || left === undefined) continue;
    missing.set(record.key, left - samplesIn(place));
    records.set(record.key, [...(records.get(record.key) ?? []), record]);
    for (let due = order[next]; due && isReady(due); due = order[++next]) {
      yield { ...due, records: records.get(due.key) ?? [] };
      records.delete(due.key);
      missing.delete(due.key);
    }
  }
}

const copies =
  ({ key, records }: Group, pass: number, { name, run, topic }: RecordedEnvironment): Fed['appends'] =>
  async (sequence, step) => {
    const promptId = passId(key, pass, '@');
    return records.flatMap((record) => {
      const gap = gapOf(record);
      if (gap) return [gapAppend(topic, { ...gap, promptId, step })];
      const found = recordIn(topic, record);
      if (!found) return [];
      const copy = { ...found, run, promptId, sequence, step };
      return [traced(toAppend(topic, copy), record.headers.traceparent, name)];
    });
  };

function incomplete({ key, missing, groupSize }: Group, position: bigint, environment: RecordedEnvironment): Append {
  const message = `prompt ${key}: found ${groupSize - missing} of ${groupSize} samples in the recorded topic`;
  const at = { topic: 'source', partition: 0, offset: position };
  return problemAppend({ source: key, error: new UserError('incomplete-group', message), at }, environment);
}
