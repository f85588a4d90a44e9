import { UserError } from '../../../support/errors.js';
import { at, get } from '../../../support/required.js';
import type { Append, Position } from '../../log.js';
import { partitionOf } from '../../partition.js';
import type { Client } from '../client/client.js';
import { CHUNK, type Message, messagesOf } from '../protocol/chunks.js';

/** The messages for one partition and their offsets. */
export interface Outgoing {
  /** `topic/partition`. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly messages: Message[];
  /** Index of the first message of each batch. */
  readonly cuts: number[];
  readonly offsets: bigint[];
  /** Offset of the newest message that is not a later chunk. */
  first: bigint;
  /** Bytes in the last batch. */
  bytes: number;
}

export interface Batch {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly Message[];
  /** Index of the first message in `outgoing`. */
  readonly from: number;
  readonly outgoing: Outgoing;
}

/** The next batch, if any. Later chunks get the offset of their first. */
export function nextBatch(outgoing: Outgoing, round: number): Batch[] {
  const { id, topic, partition, messages, cuts } = outgoing;
  const from = cuts[round];
  if (from === undefined) return [];
  const own = messages
    .slice(from, cuts[round + 1])
    .map((message) =>
      message.follows
        ? { ...message, headers: { ...message.headers, [CHUNK.first]: String(outgoing.first) } }
        : message,
    );
  return [{ id, topic, partition, messages: own, from, outgoing }];
}

/** Records the offsets of a written batch. */
export function recordOffsets({ messages, from, outgoing }: Batch, base: bigint): void {
  for (let i = 0; i < messages.length; i++) {
    const offset = base + BigInt(i);
    if (!at(outgoing.messages, from + i).follows) outgoing.first = offset;
    outgoing.offsets.push(offset);
  }
}

/** How records become batches. */
export interface PlanOptions {
  /** Largest record batch in bytes. */
  readonly limit: number;
  readonly isCompacted: (topic: string) => Promise<boolean>;
}

/** The batches of one transaction. */
export interface Plan {
  readonly partitions: readonly Outgoing[];
  /** Of all values. */
  readonly bytes: number;
  /** The position after each record, once all batches are written. */
  positions(): Position[];
}

/** Sorts the records by partition and cuts them into batches of at most `limit` bytes. */
export async function plan(
  client: Pick<Client, 'partitions'>,
  appends: readonly Append[],
  options: PlanOptions,
): Promise<Plan> {
  const partitions = new Map<string, Outgoing>();
  const lastMessages: { outgoing: Outgoing; index: number }[] = [];
  const counts = new Map<string, number>();
  for (const { topic } of appends) if (!counts.has(topic)) counts.set(topic, await client.partitions(topic));
  for (const append of appends) {
    const outgoing = outgoingFor(partitions, append.topic, partitionOf(append.key, get(counts, append.topic)));
    const messages = messagesOf(append, options.limit);
    if (messages.length > 1) await refuseCompacted(append, options);
    addMessages(outgoing, messages, options.limit);
    lastMessages.push({ outgoing, index: outgoing.messages.length - 1 });
  }
  return {
    partitions: [...partitions.values()],
    bytes: appends.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0),
    positions: () =>
      lastMessages.map(({ outgoing: { topic, partition, offsets }, index }) => {
        return { topic, partition, offset: at(offsets, index) + 1n };
      }),
  };
}

function outgoingFor(partitions: Map<string, Outgoing>, topic: string, partition: number): Outgoing {
  const id = `${topic}/${partition}`;
  const known = partitions.get(id);
  if (known) return known;
  const outgoing = { id, topic, partition, messages: [], cuts: [0], offsets: [], first: 0n, bytes: 0 };
  partitions.set(id, outgoing);
  return outgoing;
}

/** @throws {UserError} `record-too-large` where compaction would keep only the last chunk, since chunks share a key */
async function refuseCompacted({ topic, key, value }: Append, { limit, isCompacted }: PlanOptions): Promise<void> {
  if (await isCompacted(topic))
    throw new UserError(
      'record-too-large',
      `${topic}, key ${key}: ${value?.byteLength} bytes do not fit in a message of ${limit}, ` +
        'and a compacted topic takes no chunks; raise maxMessageBytes',
    );
}

/** Adds messages to the last batch, or begins new ones. */
function addMessages(outgoing: Outgoing, added: readonly Message[], limit: number): void {
  const { messages, cuts } = outgoing;
  for (const message of added) {
    // A later chunk needs the offset of the first, which is known only once its batch is written.
    if (messages.length > 0 && (outgoing.bytes + message.bytes > limit || message.follows)) {
      cuts.push(messages.length);
      outgoing.bytes = 0;
    }
    messages.push(message);
    outgoing.bytes += message.bytes;
  }
}
