import type { LogRecord, TopicLog } from '../../topics/log.js';
import type { Place } from './record-index.js';

/** Records of a page at most. */
const page = 64;

/**
 * Reads the records of a topic one by one, a page at a time where they follow each other; undefined where a record is not there any more.
 * @returns a function of a place and of how many of the records from there on are likely to be asked for
 */
export function recordReader(
  log: TopicLog,
  topic: string,
): (place: Place, expected: number) => Promise<LogRecord | undefined> {
  let held: { readonly partition: number; readonly end: bigint; readonly records: ReadonlyMap<bigint, LogRecord> };
  held = { partition: -1, end: 0n, records: new Map() };
  return async ({ partition, offset }, expected) => {
    const there = held.partition === partition ? held.records.get(offset) : undefined;
    if (there) return there;
    const next = held.partition === partition && offset >= held.end && offset < held.end + BigInt(page);
    const records = await log.read(topic, partition, offset, next ? page : Math.min(page, expected));
    const last = records.at(-1);
    const byOffset = new Map(records.map((record) => [record.offset, record]));
    held = { partition, end: last ? last.offset + 1n : offset, records: byOffset };
    return byOffset.get(offset);
  };
}
