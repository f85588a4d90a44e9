import type { LogRecord, TopicLog } from './log.js';

/**
 * The records of one partition from an offset up to where it ends when the scan begins, a page at a time, so that a topic
 * larger than memory can be read.
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
