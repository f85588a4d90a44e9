import { isShared } from '../../pipelines/plan/plan.js';
import type { LogRecord } from '../../topics/log.js';
import { type BundleEnd, type BundleIndex, damaged } from './format.js';

/** Bytes that the records of a bundle may inflate to, whatever its size. */
const INFLATED = 256 << 20;
/** A larger bundle may inflate to this many times its size. */
const RATIO = 64;

/** Compares what a bundle contains with what its index says, segment by segment. */
export interface ContentCheck {
  take(segment: { readonly topic: string; readonly partition: number; readonly offset: bigint }, found: Found): void;
  /** @param end what was exported */
  finish(end: BundleEnd): Readonly<Record<string, number>>;
}

interface Found {
  readonly records: readonly LogRecord[];
  /** In bytes, before compression. */
  readonly size: number;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
  /** Offset that the next record has at least. */
  next: bigint;
}

/**
 * @param file for messages
 * @param fileBytes size of the bundle
 * @param whole whether the topics have every offset between their bounds, except for compacted ones: a log that is one
 * process's has, transactions of a cluster leave gaps
 * @throws {UserError} `bundle-damaged`
 */
export function contentCheck(file: string, index: BundleIndex, fileBytes: number, whole: boolean): ContentCheck {
  const limit = Math.max(INFLATED, RATIO * fileBytes);
  const partitions: Partition[] = index.topics.flatMap(({ name, bounds }) =>
    bounds.map(({ start, end }, partition) => {
      return { topic: name, partition, start: BigInt(start), end: BigInt(end), next: BigInt(start) };
    }),
  );
  const compacted = new Set(index.topics.flatMap(({ name, compact }) => (compact ? [name] : [])));
  const counts = new Map(index.topics.map(({ name }) => [name, 0]));
  const isWhole = (topic: string) => whole && !compacted.has(topic) && !isShared(topic);
  let [at, size] = [0, 0];
  return {
    take({ topic, partition, offset }, found) {
      const where = `topic ${topic}, partition ${partition}, records from offset ${offset}`;
      size += found.size;
      if (size > limit) damaged(file, `${where}: the records inflate to more than ${limit} bytes`);
      const place = partitions.findIndex((one) => one.topic === topic && one.partition === partition);
      const state = partitions[place];
      if (!state) return damaged(file, `${where}: the index does not have it`);
      if (place < at) damaged(file, `${where}: found after those of ${partitions[at]?.topic}, expected before`);
      at = place;
      if (found.records[0]?.offset !== offset)
        damaged(file, `${where}: begins with offset ${found.records[0]?.offset ?? 'none'}`);
      for (const record of found.records) {
        const isNext = isWhole(topic) ? record.offset === state.next : record.offset >= state.next;
        if (!isNext || record.offset >= state.end)
          damaged(
            file,
            `${where}: found offset ${record.offset}, expected ${state.next}, of ${state.start} to ${state.end}`,
          );
        state.next = record.offset + 1n;
      }
      counts.set(topic, (counts.get(topic) ?? 0) + found.records.length);
    },
    finish({ records }) {
      for (const name of new Set([...counts.keys(), ...Object.keys(records)]))
        if (counts.get(name) !== records[name])
          damaged(
            file,
            `topic ${name}: found ${counts.get(name) ?? 'no'} records, expected ${records[name] ?? 'none'}`,
          );
      for (const { topic, partition, next, end } of partitions) {
        const isLeftOut = !index.privileged && counts.get(topic) === 0;
        if (isWhole(topic) && !isLeftOut && next < end)
          damaged(file, `topic ${topic}, partition ${partition}: found records up to offset ${next}, expected ${end}`);
      }
      return Object.fromEntries(counts);
    },
  };
}
