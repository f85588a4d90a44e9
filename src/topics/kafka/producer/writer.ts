import { at, get } from '../../../support/required.js';
import { type Append, FencedError, type Position } from '../../log.js';
import type { Client } from '../client/client.js';
import { protocolType } from '../client/errors.js';
import type { Written } from '../protocol/read.js';
import { byTopic, commitOffsets } from '../protocol/requests.js';
import { produceBatches } from '../protocol/transfer.js';
import { type Batch, nextBatch, type Outgoing, type PlanOptions, plan, recordOffsets } from './plan.js';

/** The broker aborts an unfinished transaction after this many milliseconds: readers wait for it until then. */
const TRANSACTION_MS = 10_000;
/** What a broker grants by default (`transaction.max.timeout.ms`). */
const LONGEST_TRANSACTION_MS = 900_000;
/** The slowest writing of large records that still ends in time, in bytes per millisecond. */
const SLOWEST = 4000;

/** The group member that commits offsets. */
export interface Membership {
  readonly group: string;
  readonly generation: number;
  readonly member: string;
  readonly offsets: readonly Position[];
}

export interface Writer {
  /** Takes the transactional id, which fences its former holder and aborts its open transaction. */
  init(): Promise<void>;
  /**
   * Writes everything in one transaction. Returns the position after each record.
   * @throws {FencedError} if another writer has the id or the member's generation is stale; nothing is written
   */
  write(appends: readonly Append[], membership?: Membership): Promise<Position[]>;
}

interface Producer {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  /** Next sequence number of each partition; the broker drops duplicates by it. */
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

export interface WriterOptions extends PlanOptions {
  readonly transactionalId: string;
  /** Number of Kafka's codec. */
  readonly compression: number;
  readonly written: Written;
}

/** A writer and its producer id, if it has one. */
interface WriterState {
  readonly client: Client;
  readonly options: WriterOptions;
  producer: Producer | undefined;
}

/** One transactional, idempotent producer. One transaction at a time: the caller waits for each. */
export function openWriter(client: Client, options: WriterOptions): Writer {
  const state: WriterState = { client, options, producer: undefined };
  return {
    init: async () => {
      await takeId(state, TRANSACTION_MS);
    },
    write: (appends, membership) => write(state, appends, membership),
  };
}

const coordinatorOf = ({ client, options }: WriterState) => client.coordinator('transaction', options.transactionalId);

/**
 * Time-out of a transaction of so many bytes: 10 s, doubled until even slow brokers have written them, so that few
 * sizes of records need another time-out than those before.
 */
export function timeoutOf(bytes: number): number {
  let timeoutMs = TRANSACTION_MS;
  while (timeoutMs * SLOWEST < bytes) timeoutMs *= 2;
  return Math.min(timeoutMs, LONGEST_TRANSACTION_MS);
}

async function takeId(state: WriterState, timeoutMs: number): Promise<Producer> {
  const { transactionalId } = state.options;
  const { producerId, producerEpoch } = await state.client.retrying(
    `taking the transactional id ${transactionalId} for transactions of ${timeoutMs / 1000} s`,
    async () => (await coordinatorOf(state)).initProducerId({ transactionalId, transactionTimeout: timeoutMs }),
  );
  const producer = { producerId, producerEpoch, timeoutMs, sequences: new Map() };
  state.producer = producer;
  return producer;
}

async function write(
  state: WriterState,
  appends: readonly Append[],
  membership: Membership | undefined,
): Promise<Position[]> {
  const { client, options } = state;
  const planned = await plan(client, appends, options);
  const producer = await producerFor(state, timeoutOf(planned.bytes), membership);
  try {
    await transact(state, producer, planned.partitions, membership);
  } catch (error) {
    state.producer = undefined;
    throw await abandon(state, producer, error);
  }
  for (const { id, offsets } of planned.partitions) options.written.set(id, at(offsets, offsets.length - 1));
  return planned.positions();
}

/** The producer, renewed where it has another time-out. Who renews it fences a new owner, unless the group refuses. */
async function producerFor(state: WriterState, timeoutMs: number, membership: Membership | undefined) {
  const { producer } = state;
  const isChecked = membership === undefined || membership.offsets.length > 0;
  if (producer && (producer.timeoutMs === timeoutMs || !isChecked)) return producer;
  return takeId(state, timeoutMs);
}

/** Whether a failure means that another writer or member has taken over. */
function isFenced(error: unknown): boolean {
  const type = protocolType(error);
  return type !== undefined && FENCED.has(type);
}

/** Aborts the open transaction, since readers would wait for its timeout. Returns the error for `write` to throw. */
async function abandon(state: WriterState, producer: Producer, error: unknown): Promise<unknown> {
  const { transactionalId } = state.options;
  const fenced = isFenced(error);
  const type = protocolType(error);
  // The transaction of a fenced producer has ended already, but that of a former member has not.
  if (!fenced || type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID') {
    const { producerId, producerEpoch } = producer;
    const coordinator = await coordinatorOf(state).catch(() => undefined);
    await coordinator?.endTxn({ transactionalId, producerId, producerEpoch, transactionResult: false }).catch(() => {});
  }
  if (!fenced) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new FencedError(`${transactionalId}: ${reason}`, { cause: error });
}

/** One transaction: its partitions, their batches, the group's offsets, the commit. */
async function transact(
  state: WriterState,
  producer: Producer,
  partitions: readonly Outgoing[],
  membership: Membership | undefined,
): Promise<void> {
  const { client, options } = state;
  const { producerId, producerEpoch } = producer;
  const identity = { transactionalId: options.transactionalId, producerId, producerEpoch };
  if (partitions.length > 0) {
    const topics = byTopic(partitions, ({ partition }) => partition);
    await client.retrying(`beginning a transaction on ${topics.map(({ topic }) => topic).join(', ')}`, async () =>
      (await coordinatorOf(state)).addPartitionsToTxn({ ...identity, topics }),
    );
    await writeAll(state, producer, partitions);
  }
  const movesOffsets = membership !== undefined && membership.offsets.length > 0;
  if (movesOffsets) {
    const { group } = membership;
    await client.retrying('adding offsets to a transaction', async () =>
      (await coordinatorOf(state)).addOffsetsToTxn({ ...identity, groupId: group }),
    );
    await client.retrying('committing offsets', async () =>
      commitOffsets(await client.coordinator('group', group), { ...identity, ...membership }),
    );
  }
  if (partitions.length > 0 || movesOffsets)
    // Safe to retry after a lost response: the coordinator confirms a finished transaction again.
    await client.retrying('committing a transaction', async () =>
      (await coordinatorOf(state)).endTxn({ ...identity, transactionResult: true }),
    );
}

/** Writes one batch per partition at a time until none is left. */
async function writeAll(state: WriterState, producer: Producer, partitions: readonly Outgoing[]): Promise<void> {
  for (let round = 0; ; round++) {
    const batches = partitions.flatMap((outgoing) => nextBatch(outgoing, round));
    if (batches.length === 0) return;
    const bases = await produce(state, producer, batches);
    for (const batch of batches) recordOffsets(batch, get(bases, batch.id));
  }
}

/** Writes at most one batch per partition. Returns the offset of the first message of each, by partition. */
async function produce(
  { client, options }: WriterState,
  producer: Producer,
  batches: readonly Batch[],
): Promise<Map<string, bigint>> {
  const { transactionalId, compression } = options;
  const producerId = BigInt(producer.producerId);
  const identity = { transactionalId, compression, producerId, producerEpoch: producer.producerEpoch };
  const bases = new Map<string, bigint>();
  // Retries keep the sequence numbers, by which the broker drops duplicates.
  await client.retrying(`writing to ${at(batches, 0).topic}`, async () => {
    const leaders = await Promise.all(batches.map(({ topic, partition }) => client.leader(topic, partition)));
    await Promise.all(
      [...new Set(leaders)].map(async (broker) => {
        const own = batches.filter(({ id }, i) => leaders[i] === broker && !bases.has(id));
        if (own.length === 0) return;
        const found = await produceBatches(
          broker,
          own.map(({ id, topic, partition, messages }) => {
            return { topic, partition, messages, firstSequence: firstSequenceOf(producer, id) };
          }),
          identity,
        );
        for (const [i, { id }] of own.entries()) bases.set(id, at(found, i));
      }),
    );
  });
  for (const { id, messages } of batches)
    producer.sequences.set(id, sequenceAfter(firstSequenceOf(producer, id), messages.length));
  return bases;
}

/** A producer's sequence numbers of a partition begin at 0. */
const firstSequenceOf = ({ sequences }: Producer, id: string): number => sequences.get(id) ?? 0;

/** The sequence number after `count` messages: it wraps from 2^31 - 1 to 0. */
export function sequenceAfter(first: number, count: number): number {
  const next = first + count;
  return next > 0x7fffffff ? next - 0x80000000 : next;
}
