import { setImmediate as nextTurn } from 'node:timers/promises';
import { UserError } from '../../support/errors.js';
import { type Append, type Consumer, FencedError, type LogRecord, type Position, type TopicPartition } from '../log.js';
import { type Assembler, assembler } from './chunks.js';
import type { Client } from './client.js';
import { committedMessages, EARLIEST, messagesBetween, OFFSET_OUT_OF_RANGE, offsetAtTime } from './fetch.js';
import { type GroupOptions, heartbeat, join, type Seat } from './group.js';
import { type Broker, protocolError } from './internals.js';
import { fetchOffsets } from './protocol.js';
import { openWriter, type Writer, type WriterOptions } from './transaction.js';
import { fetchBatches } from './transfer.js';

export interface ConsumerOptions extends GroupOptions {
  readonly transactionalIdPrefix: string;
  readonly writing: Omit<WriterOptions, 'transactionalId'>;
}

/** What this member knows of a partition that it owns. */
interface Owned extends TopicPartition {
  /** Next offset to fetch. */
  next: bigint;
  /** Next offset after the last record given to the caller. */
  given: bigint;
  committed: bigint;
  /** Fetched and not yet given: at most one fetch. */
  ready: LogRecord[];
  readonly whole: Assembler;
  fetching: boolean;
}

const FETCH_BYTES = 1 << 20;
/** A fetch waits this long for the first record; while other partitions have some in hand, less. */
const IDLE_MS = 500;
const BUSY_MS = 50;

/**
 * A member of a consumer group. Heartbeats and rebalances go on in the background, whatever time the caller takes between `poll`
 * and `commit`; nothing is fetched beyond one fetch for each partition until the caller asks for more.
 *
 * Exactly once rests on two locks that the brokers keep. Offsets are committed with the member's generation, which is refused once
 * the group has moved on. And each partition number of a group has a transactional id: a new owner takes the ids of what it got
 * before it reads, so a transaction that the former owner left open is aborted, and what it still sends is refused. A member
 * writes under the id of its lowest number, so one transaction can span all its partitions.
 */
export async function openConsumer(client: Client, options: ConsumerOptions): Promise<Consumer> {
  const { group, topics, sessionMs, transactionalIdPrefix, writing } = options;
  const owned = new Map<string, Owned>();
  const listeners = new Set<(partitions: readonly TopicPartition[]) => void>();
  let seat: Seat | undefined;
  let writer: Writer | undefined;
  let failure: unknown;
  let closed = false;
  const wake = new Set<() => void>();
  let turn: Promise<unknown> = Promise.resolve();

  // A rebalance waits for the commit under way and the other way round.
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  };
  const notify = () => {
    for (const finish of [...wake]) finish();
  };
  const fail = (error: unknown) => {
    failure ??= error;
    notify();
  };
  const id = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
  const newWriter = (number: number) =>
    openWriter(client, { transactionalId: `${transactionalIdPrefix}${number}`, ...writing });

  const revoke = async (lost: readonly Owned[]) => {
    // In a turn of its own, since a poll's caller gets its records a moment after they were given.
    await nextTurn();
    for (const partition of lost) owned.delete(id(partition));
    if (lost.length === 0) return;
    const names = lost.map(({ topic, partition }) => ({ topic, partition }));
    for (const listener of listeners) listener(names);
  };

  const take = async (numbers: readonly number[]) => {
    const taken = new Map(
      await Promise.all(
        numbers.map(async (number) => {
          const made = newWriter(number);
          await made.init();
          return [number, made] as const;
        }),
      ),
    );
    const partitions: TopicPartition[] = [];
    for (const topic of topics) {
      const count = await client.partitions(topic);
      for (const partition of numbers) if (partition < count) partitions.push({ topic, partition });
    }
    if (partitions.length === 0) return taken;
    const offsets = await client.retrying(`reading the offsets of group ${group}`, async () =>
      fetchOffsets(await client.coordinator('group', group), group, partitions),
    );
    for (const { topic, partition, offset } of offsets) {
      const start = offset >= 0n ? offset : await offsetAtTime(client, topic, partition, EARLIEST);
      owned.set(id({ topic, partition }), {
        topic,
        partition,
        next: start,
        given: start,
        committed: start,
        ready: [],
        whole: assembler((from, to) => messagesBetween(client, topic, partition, from, to)),
        fetching: false,
      });
    }
    return taken;
  };

  const rejoin = () =>
    exclusive(async () => {
      if (closed) return;
      const before = seat;
      const joined = await join(client, options, before);
      const kept = joined.lapsed ? [] : (before?.numbers ?? []).filter((n) => joined.seat.numbers.includes(n));
      await revoke([...owned.values()].filter(({ partition }) => !kept.includes(partition)));
      const taken = await take(joined.seat.numbers.filter((number) => !kept.includes(number)));
      const lowest = joined.seat.numbers[0];
      if (lowest === undefined) writer = undefined;
      else if (taken.has(lowest) || lowest !== before?.numbers[0]) writer = taken.get(lowest) ?? newWriter(lowest);
      seat = joined.seat;
      notify();
    });

  // Others may have had what this member holds: it starts again from the committed offsets.
  const lapse = async () => {
    await revoke([...owned.values()]);
    seat = seat && { ...seat, numbers: [] };
  };

  let beating = false;
  const beat = async () => {
    if (beating || closed || !seat) return;
    beating = true;
    try {
      const held = seat;
      const answer = await heartbeat(client, group, held);
      if (answer === 'member' || seat !== held) return;
      if (answer === 'lapsed') await exclusive(lapse);
      await rejoin();
    } catch (error) {
      if (!closed) fail(error);
    } finally {
      beating = false;
    }
  };

  const receive = async (broker: Broker, partitions: readonly Owned[], waitMs: number) => {
    const found = await fetchBatches(
      broker,
      partitions.map(({ topic, partition, next }) => ({ topic, partition, offset: next })),
      { waitMs, partitionBytes: FETCH_BYTES, totalBytes: FETCH_BYTES * 8 },
    );
    let refused = 0;
    for (const fetched of found) {
      const position = partitions.find((p) => p.topic === fetched.topic && p.partition === fetched.partition);
      if (!position || owned.get(id(position)) !== position) continue;
      if (fetched.error === OFFSET_OUT_OF_RANGE) {
        const start = await offsetAtTime(client, position.topic, position.partition, EARLIEST);
        throw new UserError(
          'records-gone',
          `group ${group}: offset ${position.next} of ${id(position)} is gone, the log starts at ${start}; raise the topic's retention, or set the group's offsets to go on without those records`,
        );
      }
      if (fetched.error !== 0) {
        refused = fetched.error;
        continue;
      }
      const { messages, next } = committedMessages(fetched, position.next);
      for (const message of messages) {
        const record = await position.whole.add(message);
        if (record) position.ready.push(record);
      }
      position.next = next;
    }
    if (refused !== 0) throw protocolError(refused);
  };

  // Starts a fetch for every partition that has nothing in hand.
  const fetchMore = () => {
    const wanted = [...owned.values()].filter(({ ready, fetching }) => ready.length === 0 && !fetching);
    if (wanted.length === 0) return;
    const waitMs = wanted.length === owned.size ? IDLE_MS : BUSY_MS;
    for (const position of wanted) position.fetching = true;
    void client
      .retrying(`reading ${topics.join(', ')} for group ${group}`, async () => {
        const still = wanted.filter((position) => position.ready.length === 0 && owned.get(id(position)) === position);
        const leaders = new Map<Broker, Owned[]>();
        for (const position of still) {
          const broker = await client.leader(position.topic, position.partition);
          leaders.set(broker, [...(leaders.get(broker) ?? []), position]);
        }
        // All must be over before one is tried again: two fetches of a partition at once would give its records twice.
        const outcomes = await Promise.allSettled(
          [...leaders].map(async ([broker, partitions]) => {
            await receive(broker, partitions, waitMs);
            notify();
          }),
        );
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      })
      .catch((error) => {
        if (!closed) fail(error);
      })
      .finally(() => {
        for (const position of wanted) position.fetching = false;
        notify();
      });
  };

  const give = (max: number): LogRecord[] => {
    const records: LogRecord[] = [];
    for (const [name, position] of owned) {
      if (position.ready.length === 0) continue;
      const some = position.ready.splice(0, max - records.length);
      const last = some.at(-1);
      if (last) position.given = last.offset + 1n;
      records.push(...some);
      // To the end of the line, so that every partition has its turn.
      owned.delete(name);
      owned.set(name, position);
      if (records.length === max) break;
    }
    return records;
  };

  const check = () => {
    if (failure !== undefined) throw failure;
    if (closed) throw new Error(`the consumer of group ${group} is closed`);
  };

  const fenceUnlessGiven = (offsets: readonly Position[]) => {
    for (const position of offsets) {
      const held = owned.get(id(position));
      if (!held) throw new FencedError(`group ${group}: this member does not own ${id(position)}`);
      // A commit may leave the offset where it is, but not before this member was given a record since it got the partition.
      if (position.offset < held.committed || position.offset > held.given || held.given === held.committed)
        throw new FencedError(
          `group ${group}: ${id(position)} was taken away and came back since; its records up to ${position.offset} were given before that`,
        );
    }
  };

  const commit = async (appends: readonly Append[], offsets: readonly Position[]) => {
    check();
    fenceUnlessGiven(offsets);
    if (!writer || !seat) throw new FencedError(`group ${group}: this member owns no partition`);
    const membership = { group, generation: seat.generation, member: seat.member, offsets };
    try {
      await writer.write(appends, membership).catch(async (error) => {
        if (!(error instanceof FencedError) || !writer || !seat) throw error;
        // The id was taken by a new owner, or the broker ended a transaction that took too long. The group knows which.
        if ((await heartbeat(client, group, seat)) === 'lapsed') throw error;
        await writer.init();
        await writer.write(appends, membership);
      });
    } catch (error) {
      if (error instanceof FencedError) {
        await lapse();
        void rejoin().catch(fail);
      }
      throw error;
    }
    for (const position of offsets) {
      const held = owned.get(id(position));
      if (held) held.committed = position.offset;
    }
  };

  for (const topic of topics) await client.partitions(topic);
  const timer = setInterval(() => void beat(), Math.min(Math.max(sessionMs / 10, 100), 3000));
  timer.unref();
  try {
    await rejoin();
  } catch (error) {
    clearInterval(timer);
    throw error;
  }

  return {
    async poll(max, waitMs, signal) {
      const deadline = Date.now() + waitMs;
      for (;;) {
        check();
        if (signal?.aborted) return [];
        const records = give(max);
        fetchMore();
        if (records.length > 0 || max <= 0) return records;
        const left = deadline - Date.now();
        if (left <= 0) return [];
        await new Promise<void>((resolve) => {
          const finish = () => {
            clearTimeout(late);
            signal?.removeEventListener('abort', finish);
            wake.delete(finish);
            resolve();
          };
          const late = setTimeout(finish, Math.min(left, 0x7fffffff));
          wake.add(finish);
          signal?.addEventListener('abort', finish, { once: true });
        });
        if (closed) return [];
      }
    },
    commit: ({ appends, offsets }) => exclusive(() => commit(appends, offsets)),
    assigned: () => [...owned.values()].map(({ topic, partition }) => ({ topic, partition })),
    onRevoked: (listener) => void listeners.add(listener),
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      notify();
      client.stop();
      await turn;
      if (seat) {
        const { member } = seat;
        const broker = await client.coordinator('group', group).catch(() => undefined);
        await broker?.leaveGroup({ groupId: group, memberId: member }).catch(() => {});
      }
      await client.close();
    },
  };
}
