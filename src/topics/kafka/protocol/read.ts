import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord } from '../../log.js';
import type { Client } from '../client/client.js';
import { protocolError } from '../client/internals.js';
import { assembler } from './chunks.js';
import { type FetchedPartition, fetchBatches } from './transfer.js';

export const OFFSET_OUT_OF_RANGE = 1;

/**
 * The last offsets that this log wrote. A committed transaction becomes visible once the brokers have written its end
 * marker to every partition, shortly after the coordinator confirms it; readers of the same log wait for that.
 */
export type Written = Map<string, bigint>;

/** Waits until everything that this log wrote to the partition is readable. */
export async function settle(written: Written, client: Client, topic: string, partition: number): Promise<void> {
  const id = `${topic}/${partition}`;
  const last = written.get(id);
  if (last === undefined) return;
  await readableTo(client, topic, partition, last + 1n);
  if (written.get(id) === last) written.delete(id);
}

/** Waits until everything that anyone wrote to the partition is committed or aborted. */
export async function settleAll(client: Client, topic: string, partition: number): Promise<void> {
  await readableTo(client, topic, partition, await offsetAtTime(client, topic, partition, LATEST, 'written'));
}

/** Longer than brokers leave an abandoned transaction of ours open. */
const SETTLED_WITHIN_MS = 60_000;

/** Waits until the partition can be read up to `end`, or long enough to tell that it will not be. */
async function readableTo(client: Client, topic: string, partition: number, end: bigint): Promise<void> {
  const deadline = Date.now() + SETTLED_WITHIN_MS;
  for (let pause = 5; Date.now() < deadline; pause = Math.min(2 * pause, 200)) {
    if ((await offsetAtTime(client, topic, partition, LATEST)) >= end) return;
    await sleep(pause);
  }
}

/** The protocol's codes for the first offset and the end. */
export const EARLIEST = -2;
export const LATEST = -1;

/**
 * The first offset at or after a time in milliseconds, or at EARLIEST or LATEST; -1 for none. Records of open
 * transactions, and those after them, count only among the `written` ones.
 */
export function offsetAtTime(
  client: Client,
  topic: string,
  partition: number,
  timestamp: number,
  among: 'committed' | 'written' = 'committed',
): Promise<bigint> {
  return client.retrying(`looking up offsets of ${topic}`, async () => {
    const broker = await client.leader(topic, partition);
    const { responses } = await broker.listOffsets({
      replicaId: -1,
      isolationLevel: among === 'committed' ? 1 : 0,
      topics: [{ topic, partitions: [{ partition, timestamp }] }],
    });
    return BigInt(responses[0]?.partitions[0]?.offset ?? -1);
  });
}

/**
 * The committed messages of a fetch, and the next offset to fetch, past control records and records of aborted
 * transactions.
 */
export function committedMessages(fetched: FetchedPartition, from: bigint): { messages: LogRecord[]; next: bigint } {
  const { topic, partition } = fetched;
  const pending = [...fetched.aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborted = new Set<bigint>();
  const messages: LogRecord[] = [];
  let next = from;
  for (const batch of fetched.batches) {
    const last = batch.lastOffset;
    for (let entry = pending[0]; entry && entry.firstOffset <= last; entry = pending[0]) {
      aborted.add(entry.producerId);
      pending.shift();
    }
    if (batch.control === 'abort') aborted.delete(batch.producerId);
    else if (!batch.inTransaction || !aborted.has(batch.producerId))
      for (const record of batch.records) if (record.offset >= from) messages.push({ topic, partition, ...record });
    if (last >= next) next = last + 1n;
  }
  return { messages, next };
}

/** The committed messages of `[from, to)`, or from the first one left. */
export async function messagesBetween(
  client: Client,
  topic: string,
  partition: number,
  from: bigint,
  to: bigint,
): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const page of pages(client, topic, partition, from, 1 << 20)) {
    for (const message of page) if (message.offset < to) found.push(message);
    if ((page.at(-1)?.offset ?? -1n) >= to - 1n) break;
  }
  return found;
}

/** The committed messages from an offset to the end, one fetch at a time. */
async function* pages(
  client: Client,
  topic: string,
  partition: number,
  from: bigint,
  bytes: number,
): AsyncGenerator<LogRecord[]> {
  for (let next = from; ; ) {
    const fetched = await client.retrying(`reading ${topic}`, async () => {
      const broker = await client.leader(topic, partition);
      const limits = { waitMs: 0, partitionBytes: bytes, totalBytes: bytes };
      const [found] = await fetchBatches(broker, [{ topic, partition, offset: next }], limits);
      if (found && found.error !== 0 && found.error !== OFFSET_OUT_OF_RANGE) throw protocolError(found.error);
      return found;
    });
    // A client over its quota gets an answer without partitions. Its next request waits as long as the broker asks.
    if (!fetched) continue;
    if (fetched.error === OFFSET_OUT_OF_RANGE) {
      const start = await offsetAtTime(client, topic, partition, EARLIEST);
      if (start <= next) return;
      next = start;
      continue;
    }
    if (fetched.batches.length === 0) return;
    const page = committedMessages(fetched, next);
    next = page.next;
    yield page.messages;
  }
}

/** At most `max` committed records starting at an offset; `[]` at the end. */
export async function readRecords(
  client: Client,
  topic: string,
  partition: number,
  from: bigint,
  max: number,
): Promise<LogRecord[]> {
  const whole = assembler((first, to) => messagesBetween(client, topic, partition, first, to));
  const records: LogRecord[] = [];
  if (max <= 0) return records;
  const bytes = Math.min(Math.max(max * 4096, 65_536), 4 << 20);
  for await (const page of pages(client, topic, partition, from, bytes)) {
    for (const message of page) {
      const record = await whole.add(message);
      if (record && records.push(record) === max) return records;
    }
  }
  return records;
}
