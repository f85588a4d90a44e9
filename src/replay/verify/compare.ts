import { placeOf } from '../../pipelines/topic-log.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { at } from '../../support/required.js';
import { interleaved } from '../../topics/digest.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { recordIn, recordType } from '../../topics/record-codec.js';
import { localStore, storeOf } from '../../topics/registry.js';
import { scan, scanInOrder } from '../../topics/scan.js';
import { isSpread } from '../recorded.js';
import { partitionsOf } from '../topics.js';
import { compareRecords, type Difference } from './compare-records.js';

/** Fields about one execution rather than its result. */
const ephemeral: Readonly<Record<string, readonly string[]>> = { metrics: ['values.seconds'] };
/** Fields about the partitions and offsets that contain a run's records. */
const physical: Readonly<Record<string, readonly string[]>> = {
  weights: ['offsets', 'location', 'chunk'],
  'dead-letters': ['key', 'id', 'partition', 'offset'],
};

const fieldsIn = (fields: Readonly<Record<string, readonly string[]>>, topic: string): readonly string[] =>
  fields[recordType(topic) ?? topic] ?? [];

export interface CompareOptions {
  /** The logs have different partitions, so only the order within a key is reproducible. */
  readonly byKey?: boolean;
}

/**
 * Compares a topic of two logs record by record, a page at a time. Run names and times are ignored.
 * @returns the number of equal records before the first difference, and that difference
 */
export async function compareTopic(
  expected: TopicLog,
  found: TopicLog,
  topic: string,
  { byKey = false }: CompareOptions = {},
): Promise<{ readonly records: number; readonly difference: Difference | null }> {
  const ignored = new Set([...fieldsIn(ephemeral, topic), ...(byKey ? fieldsIn(physical, topic) : [])]);
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
  if (byKey) return yield* pairsByKey([scanInOrder(expected, topic), scanInOrder(found, topic)]);
  for (const [partition] of await partitionsOf(expected, topic)) {
    const sides = [scan(expected, topic, partition), scan(found, topic, partition)] as const;
    yield* interleaved.has(topic) ? pairsByKey(sides) : pairsInOrder(...sides);
  }
}

async function* pairsInOrder(a: AsyncGenerator<LogRecord>, b: AsyncGenerator<LogRecord>): AsyncGenerator<Pair> {
  for (;;) {
    const [was, is] = [await a.next(), await b.next()];
    if (was.done && is.done) return;
    yield [was.done ? undefined : was.value, is.done ? undefined : is.value];
  }
}

/** Memory holds only records that one side has and the other has not reached yet. */
async function* pairsByKey(scans: readonly AsyncGenerator<LogRecord>[]): AsyncGenerator<Pair> {
  const sides = scans.map((records) => ({ records, ended: false, waiting: new Map<string, LogRecord[]>() }));
  while (sides.some(({ ended }) => !ended))
    for (const [i, side] of sides.entries()) {
      if (side.ended) continue;
      const next = await side.records.next();
      if (next.done) {
        side.ended = true;
        continue;
      }
      const key = pairingKey(next.value);
      const partner = at(sides, 1 - i)
        .waiting.get(key)
        ?.shift();
      if (partner) yield i === 0 ? [next.value, partner] : [partner, next.value];
      else side.waiting.set(key, [...(side.waiting.get(key) ?? []), next.value]);
    }
  for (const [i, { waiting }] of sides.entries())
    for (const record of [...waiting.values()].flat()) yield i === 0 ? [record, undefined] : [undefined, record];
}

/** A dead letter's own key contains the offset of the failed record, which depends on the partition. */
function pairingKey(record: LogRecord): string {
  const letter = record.topic === 'dead-letters' ? recordIn('dead-letters', record) : undefined;
  return letter ? JSON.stringify([letter.stage, letter.topic, letter.key]) : record.key;
}

export interface RunComparison {
  readonly equal: boolean;
  readonly topics: readonly { readonly topic: string; readonly records: number; readonly equal: boolean }[];
  /** The first one, in the order in which topics were compared. */
  readonly difference: Difference | null;
}

/** Compares topics of a run with those of its repetition in the folder `again`. */
export async function compareRun(run: RunFolder, again: string, compared: readonly string[]): Promise<RunComparison> {
  const log = await storeOf(localStore).open(placeOf(again), { readOnly: true });
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
