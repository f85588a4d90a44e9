import type { TopicRecords } from '../records/records.js';
import type { LogRecord, TopicLog } from './log.js';
import { headerPlace, recordIn, type TopicName } from './record-codec.js';

/**
 * The records of one partition from an offset up to its end at the start of the scan, one page at a time, so that a
 * topic may be larger than memory.
 * @example
 * for await (const record of scan(log, 'prompts', 0)) console.log(record.key);
 */
export async function* scan(log: TopicLog, topic: string, partition: number, from = 0n): AsyncGenerator<LogRecord> {
  const page = 256;
  const info = (await log.describe()).find(({ name }) => name === topic);
  const end = info?.bounds[partition]?.end ?? 0n;
  let next = from;
  while (true) {
    const records = await log.read(topic, partition, next, page);
    for (const record of records) {
      if (record.offset >= end) return;
      yield record;
      next = record.offset + 1n;
    }
    if (records.length === 0) return;
  }
}

/** The newest record of a partition that satisfies `accepts`, searching from the end. */
export async function lastRecord(
  log: TopicLog,
  topic: string,
  partition: number,
  accepts: (record: LogRecord) => boolean = () => true,
): Promise<LogRecord | undefined> {
  const bounds = (await log.describe()).find(({ name }) => name === topic)?.bounds[partition];
  if (!bounds) return undefined;
  const { start, end } = bounds;
  for (let before = end, back = 4n; before > start; back *= 2n) {
    const from = before - back > start ? before - back : start;
    let found: LogRecord | undefined;
    for (let next = from; next < before; ) {
      const records = await log.read(topic, partition, next, 8);
      for (const record of records) if (record.offset < before && accepts(record)) found = record;
      const last = records.at(-1);
      if (!last) break;
      next = last.offset + 1n;
    }
    if (found) return found;
    before = from;
  }
  return undefined;
}

/**
 * First offset of the last `count` records of a partition, among those that satisfy `accepts`. On Kafka, transaction
 * markers occupy offsets too.
 */
export async function lastOffset(
  log: TopicLog,
  topic: string,
  partition: number,
  count: number,
  accepts: (record: LogRecord) => boolean = () => true,
): Promise<bigint> {
  const { start, end } = (await log.describe()).find(({ name }) => name === topic)?.bounds[partition] ?? ZERO;
  if (count === 0) return end;
  for (let back = BigInt(count); ; back *= 2n) {
    const from = end - back > start ? end - back : start;
    const offsets: bigint[] = [];
    for await (const record of scan(log, topic, partition, from)) if (accepts(record)) offsets.push(record.offset);
    if (offsets.length >= count || from === start) return offsets.at(-count) ?? from;
  }
}

const ZERO = { start: 0n, end: 0n };

/** Records of a topic, in all its partitions, that satisfy `accepts`. */
export async function countRecords(
  log: TopicLog,
  topic: string,
  accepts: (record: LogRecord) => boolean = () => true,
): Promise<number> {
  const info = (await log.describe()).find(({ name }) => name === topic);
  let count = 0;
  for (const partition of info?.bounds.keys() ?? [])
    for await (const record of scan(log, topic, partition)) if (accepts(record)) count++;
  return count;
}

/** A topic's records by step, across partitions; records of one key keep their order. */
export async function* scanInOrder(log: TopicLog, topic: string): AsyncGenerator<LogRecord> {
  const partitions = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  const scans = [...partitions.entries()].map(([partition, { start }]) => scan(log, topic, partition, start));
  const heads: { readonly scan: AsyncGenerator<LogRecord>; record: LogRecord; step: number }[] = [];
  for (const each of scans) {
    const { value } = await each.next();
    if (value) heads.push({ scan: each, record: value, step: stepOf(value) });
  }
  for (;;) {
    const [first, ...others] = heads;
    if (!first) return;
    const head = others.reduce((lowest, other) => (other.step < lowest.step ? other : lowest), first);
    yield head.record;
    const { value } = await head.scan.next();
    if (value) Object.assign(head, { record: value, step: stepOf(value) });
    else heads.splice(heads.indexOf(head), 1);
  }
}

/**
 * The readable records of a topic, in the order of `scanInOrder`.
 * @param keep checked before a record is decoded
 * @param topic where its name is not that of its records
 * @example
 * for await (const { version, digest } of recordsOf(log, 'weights')) console.log(version, digest);
 */
export async function* recordsOf<K extends TopicName>(
  log: TopicLog,
  type: K,
  keep: (record: LogRecord) => boolean = () => true,
  topic: string = type,
): AsyncGenerator<TopicRecords[K]> {
  for await (const record of scanInOrder(log, topic)) {
    const found = keep(record) ? recordIn(type, record) : undefined;
    if (found) yield found;
  }
}

const stepOf = (record: LogRecord): number => headerPlace(record)?.step ?? 0;
