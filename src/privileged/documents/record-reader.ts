import type { LogRecord, TopicLog } from '../../topics/log.js';
import type { RecordLocation } from './record-index.js';

/** Maximum number of records read at once. */
const PAGE = 64;

/**
 * @param expected how many records from this location on the caller is likely to ask for; decides how many are read at
 * once
 */
export type RecordReader = (location: RecordLocation, expected: number) => Promise<LogRecord | undefined>;

/**
 * Reads single records of a topic, in pages where they follow each other. A record that was deleted or compacted away
 * is undefined.
 */
export function recordReader(log: TopicLog, topic: string): RecordReader {
  let page: {
    readonly partition: number;
    readonly end: bigint;
    readonly records: ReadonlyMap<bigint, LogRecord>;
  } = { partition: -1, end: 0n, records: new Map() };
  return async ({ partition, offset }, expected) => {
    const cached = page.partition === partition ? page.records.get(offset) : undefined;
    if (cached) return cached;
    const follows = page.partition === partition && offset >= page.end && offset < page.end + BigInt(PAGE);
    const records = await log.read(topic, partition, offset, follows ? PAGE : Math.min(PAGE, expected));
    const last = records.at(-1);
    const byOffset = new Map(records.map((record) => [record.offset, record]));
    page = { partition, end: last ? last.offset + 1n : offset, records: byOffset };
    return byOffset.get(offset);
  };
}
