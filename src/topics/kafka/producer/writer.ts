import { UserError } from '../../../support/errors.js';
import { type Append, FencedError, type Position } from '../../log.js';
import { partitionOf } from '../../partition.js';
import type { Client } from '../client/client.js';
import { protocolType } from '../client/errors.js';
import { CHUNK, type Message, messagesOf, sizeOf } from '../protocol/chunks.js';
import type { Written } from '../protocol/read.js';
import { byTopic, commitOffsets } from '../protocol/requests.js';
import { produceBatches } from '../protocol/transfer.js';

/** A transaction that its writer left open is aborted by the broker after this many milliseconds. */
const TRANSACTION_MS = 10_000;

/** The member on whose behalf offsets are committed. */
export interface Membership {
  readonly group: string;
  readonly generation: number;
  readonly member: string;
  readonly offsets: readonly Position[];
}

export interface Writer {
  /** Takes the transactional id: whoever had it before is fenced, and its open transaction is aborted. */
  init(): Promise<void>;
  /**
   * Writes all of it in one transaction. Returns the position after each record.
   * @throws {FencedError} where another writer has the id or the member is not of the group's generation; nothing is written.
   */
  write(appends: readonly Append[], membership?: Membership): Promise<Position[]>;
}

interface Producer {
  readonly producerId: string;
  readonly producerEpoch: number;
  /** Next sequence number of each partition, by which the broker drops what comes twice. */
  readonly sequences: Map<string, number>;
}

const FENCED = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'TRANSACTION_COORDINATOR_FENCED',
]);

export interface WriterOptions {
  readonly transactionalId: string;
  /** Number of Kafka's codec. */
  readonly compression: number;
  /** Bytes of a record batch. */
  readonly limit: number;
  readonly written: Written;
  readonly isCompacted: (topic: string) => Promise<boolean>;
}

/** One transactional, idempotent producer. One transaction at a time: the caller waits for each. */
export function openWriter(client: Client, options: WriterOptions): Writer {
  const { transactionalId, compression, written } = options;
  let producer: Producer | undefined;
  const coordinator = () => client.coordinator('transaction', transactionalId);

  const init = async () => {
    const made = await client.retrying(`taking the transactional id ${transactionalId}`, async () =>
      (await coordinator()).initProducerId({ transactionalId, transactionTimeout: TRANSACTION_MS }),
    );
    producer = { producerId: made.producerId, producerEpoch: made.producerEpoch, sequences: new Map() };
    return producer;
  };

  const produce = async (from: Producer, batches: readonly Batch[]): Promise<Map<string, bigint>> => {
    const bases = new Map<string, bigint>();
    // The same sequence numbers each time: a broker that has a batch already says so and stores it once.
    await client.retrying(`writing to ${batches[0]?.topic}`, async () => {
      const leaders = await Promise.all(batches.map(({ topic, partition }) => client.leader(topic, partition)));
      await Promise.all(
        [...new Set(leaders)].map(async (broker) => {
          const own = batches.filter(({ id }, i) => leaders[i] === broker && !bases.has(id));
          if (own.length === 0) return;
          const found = await produceBatches(
            broker,
            own.map(({ id, topic, partition, messages }) => ({
              topic,
              partition,
              messages,
              firstSequence: from.sequences.get(id) ?? 0,
            })),
            { transactionalId, compression, producerId: BigInt(from.producerId), producerEpoch: from.producerEpoch },
          );
          for (const [i, base] of found.entries()) bases.set(own[i]?.id ?? '', base);
        }),
      );
    });
    for (const { id, messages } of batches) {
      const next = (from.sequences.get(id) ?? 0) + messages.length;
      from.sequences.set(id, next > 0x7fffffff ? next - 0x80000000 : next);
    }
    return bases;
  };

  const transact = async (from: Producer, partitions: readonly Outgoing[], membership: Membership | undefined) => {
    const identity = { transactionalId, producerId: from.producerId, producerEpoch: from.producerEpoch };
    if (partitions.length > 0)
      await client.retrying(
        `beginning a transaction on ${[...new Set(partitions.map(({ topic }) => topic))].join(', ')}`,
        async () =>
          (await coordinator()).addPartitionsToTxn({
            ...identity,
            topics: byTopic(partitions, ({ partition }) => partition),
          }),
      );
    for (let round = 0; ; round++) {
      const batches = partitions.flatMap((outgoing) => nextBatch(outgoing, round));
      if (batches.length === 0) break;
      const bases = await produce(from, batches);
      for (const { id, messages, owners, outgoing } of batches) {
        const base = bases.get(id) ?? 0n;
        for (let i = 0; i < messages.length; i++) {
          const offset = base + BigInt(i);
          if (outgoing.messages[owners.from + i]?.follows === false) outgoing.first = offset;
          outgoing.offsets.push(offset);
        }
      }
    }
    if (membership && membership.offsets.length > 0) {
      const { group, generation, member, offsets } = membership;
      await client.retrying('adding offsets to a transaction', async () =>
        (await coordinator()).addOffsetsToTxn({ ...identity, groupId: group }),
      );
      await client.retrying('committing offsets', async () =>
        commitOffsets(await client.coordinator('group', group), { ...identity, group, generation, member, offsets }),
      );
    }
    if (partitions.length > 0 || (membership && membership.offsets.length > 0))
      // Asked again after a lost answer, the coordinator of a finished transaction says yes.
      await client.retrying('committing a transaction', async () =>
        (await coordinator()).endTxn({ ...identity, transactionResult: true }),
      );
  };

  return {
    init: async () => {
      await init();
    },
    async write(appends, membership) {
      const outgoing = await plan(client, appends, options);
      const from = producer ?? (await init());
      try {
        await transact(from, outgoing.partitions, membership);
      } catch (error) {
        producer = undefined;
        const fenced = FENCED.has(protocolType(error) ?? '');
        // Readers wait for open transactions: end it now rather than at its time-out. One that was fenced is ended already.
        if (!fenced || protocolType(error) === 'ILLEGAL_GENERATION' || protocolType(error) === 'UNKNOWN_MEMBER_ID')
          await (await coordinator().catch(() => undefined))
            ?.endTxn({
              transactionalId,
              producerId: from.producerId,
              producerEpoch: from.producerEpoch,
              transactionResult: false,
            })
            .catch(() => {});
        if (fenced) throw new FencedError(`${transactionalId}: ${(error as Error).message}`, { cause: error });
        throw error;
      }
      for (const { topic, partition, offsets } of outgoing.partitions) {
        const last = offsets.at(-1);
        if (last !== undefined) written.set(`${topic}/${partition}`, last);
      }
      return outgoing.positions();
    },
  };
}

/** The messages for one partition and the offsets they got. */
interface Outgoing {
  readonly topic: string;
  readonly partition: number;
  readonly messages: Message[];
  /** Index of the first message of each batch. */
  readonly cuts: number[];
  readonly offsets: bigint[];
  /** Offset of the newest message that is not a later chunk. */
  first: bigint;
}

interface Batch {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly Message[];
  readonly owners: { readonly from: number };
  readonly outgoing: Outgoing;
}

function nextBatch(outgoing: Outgoing, round: number): Batch[] {
  const { topic, partition, messages, cuts } = outgoing;
  const from = cuts[round];
  if (from === undefined) return [];
  const own = messages
    .slice(from, cuts[round + 1])
    .map((message) =>
      message.follows
        ? { ...message, headers: { ...message.headers, [CHUNK.first]: String(outgoing.first) } }
        : message,
    );
  return [{ id: `${topic}/${partition}`, topic, partition, messages: own, owners: { from }, outgoing }];
}

/** Sorts the records by partition and cuts them into batches of at most `limit` bytes. */
async function plan(client: Client, appends: readonly Append[], { limit, isCompacted }: WriterOptions) {
  const partitions = new Map<string, Outgoing & { bytes: number }>();
  const places: { outgoing: Outgoing; last: number }[] = [];
  for (const append of appends) {
    const partition = partitionOf(append.key, await client.partitions(append.topic));
    const id = `${append.topic}/${partition}`;
    let outgoing = partitions.get(id);
    if (!outgoing) {
      outgoing = { topic: append.topic, partition, messages: [], cuts: [0], offsets: [], first: 0n, bytes: 0 };
      partitions.set(id, outgoing);
    }
    const messages = messagesOf(append, limit);
    // Compaction would keep the last of the chunks, which share a key, and delete the others.
    if (messages.length > 1 && (await isCompacted(append.topic)))
      throw new UserError(
        'record-too-large',
        `${append.topic}, key ${append.key}: ${append.value?.byteLength} bytes do not fit in a message of ${limit}, and a compacted topic takes no chunks; raise maxMessageBytes`,
      );
    for (const message of messages) {
      const size = sizeOf(message);
      const { messages: all, cuts } = outgoing;
      // A later chunk needs the offset of the first, which only a finished batch has.
      if (all.length > 0 && (outgoing.bytes + size > limit || message.follows)) {
        cuts.push(all.length);
        outgoing.bytes = 0;
      }
      all.push(message);
      outgoing.bytes += size;
    }
    places.push({ outgoing, last: outgoing.messages.length - 1 });
  }
  return {
    partitions: [...partitions.values()],
    positions: (): Position[] =>
      places.map(({ outgoing: { topic, partition, offsets }, last }) => ({
        topic,
        partition,
        offset: (offsets[last] ?? 0n) + 1n,
      })),
  };
}
