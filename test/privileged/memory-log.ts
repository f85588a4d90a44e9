import { createHash } from 'node:crypto';
import type { Append, LogRecord, Position, TopicLog, TopicSpec } from '../../src/topics/log.js';

/** An in-memory log with the operations that privileged context uses, and compaction on demand. */
export interface MemoryLog extends TopicLog {
  records(topic: string): readonly LogRecord[];
  /** Keeps the newest record of each key, unless it is a tombstone. */
  compact(topic: string): void;
  reads(): number;
  /** Records that can be read only after `settled`, as those of a transaction whose end is still being written. */
  openTransaction(appends: readonly Append[]): void;
}

export function memoryLog(
  specs: readonly TopicSpec[] = [{ name: 'privileged', partitions: 3, compact: true }],
): MemoryLog {
  const topics = new Map(specs.map((spec) => [spec.name, { spec, partitions: partitionsOf(spec) }]));
  let clock = 0;
  let reads = 0;
  const of = (name: string) => {
    const topic = topics.get(name);
    if (!topic) throw new Error(`no topic ${name}`);
    return topic;
  };
  const unused = (): never => {
    throw new Error('not a part of this log');
  };
  const put = ({ topic, key, value, headers }: Append): Position => {
    const { partitions } = of(topic);
    const partition = (createHash('md5').update(key).digest()[0] ?? 0) % partitions.length;
    const place = partitions[partition];
    if (!place) throw new Error('no partition');
    const offset = place.end++;
    place.records.push({ topic, partition, offset, timestamp: clock++, key, value, headers: headers ?? {} });
    return { topic, partition, offset: offset + 1n };
  };
  const open: Append[] = [];
  return {
    async ensureTopics(missing) {
      for (const spec of missing) {
        if (!topics.has(spec.name)) topics.set(spec.name, { spec, partitions: partitionsOf(spec) });
      }
    },
    describe: async () =>
      [...topics.values()].map(({ spec, partitions }) => ({
        ...spec,
        bounds: partitions.map(({ records, end }) => ({ start: records[0]?.offset ?? end, end })),
      })),
    append: async (appends) => appends.map(put),
    async read(topic, partition, from, max) {
      reads++;
      return (of(topic).partitions[partition]?.records ?? []).filter((record) => record.offset >= from).slice(0, max);
    },
    async settled() {
      for (const one of open.splice(0)) put(one);
    },
    openTransaction: (appends) => void open.push(...appends),
    offsetAt: unused,
    committed: unused,
    consumer: unused,
    close: async () => undefined,
    records: (topic) => of(topic).partitions.flatMap((place) => place.records),
    reads: () => reads,
    compact(topic) {
      for (const place of of(topic).partitions) {
        const newest = new Map(place.records.map((record) => [record.key, record]));
        place.records = place.records.filter((record) => newest.get(record.key) === record && record.value !== null);
      }
    },
  };
}

function partitionsOf(spec: TopicSpec): { records: LogRecord[]; end: bigint }[] {
  return Array.from({ length: spec.partitions }, () => ({ records: [], end: 0n }));
}
