import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TopicPartition } from '../../log.js';
import { openWriter, type Writer } from '../producer/writer.js';
import { assembler } from '../protocol/chunks.js';
import { EARLIEST, messagesBetween, offsetAtTime } from '../protocol/read.js';
import { fetchOffsets } from '../protocol/requests.js';
import { heartbeat, join } from './membership.js';
import { type ConsumerState, exclusive, fail, notify, type OwnedPartition, partitionId } from './state.js';

/** Joins or rejoins the group and updates the partitions that this member owns. */
export function rejoin(state: ConsumerState): Promise<void> {
  return exclusive(state, async () => {
    if (state.closed) return;
    const { client, options, owned, seat: before } = state;
    const { seat, lapsed } = await join(client, options, before);
    const kept = lapsed ? [] : (before?.numbers ?? []).filter((number) => seat.numbers.includes(number));
    await revoke(
      state,
      [...owned.values()].filter(({ partition }) => !kept.includes(partition)),
    );
    const writers = await acquire(
      state,
      seat.numbers.filter((number) => !kept.includes(number)),
    );
    const [lowest] = seat.numbers;
    if (lowest === undefined) state.writer = undefined;
    else if (writers.has(lowest) || lowest !== before?.numbers[0])
      state.writer = writers.get(lowest) ?? writerOf(state, lowest);
    state.seat = seat;
    notify(state);
  });
}

/** Drops all partitions: others may have owned them since, so this member restarts from the committed offsets. */
export async function lapse(state: ConsumerState): Promise<void> {
  await revoke(state, [...state.owned.values()]);
  state.seat = state.seat && { ...state.seat, numbers: [] };
}

/** Sends one heartbeat; rejoins the group if the coordinator asks for it. */
export async function beat(state: ConsumerState): Promise<void> {
  const { seat } = state;
  if (state.beating || state.closed || !seat) return;
  state.beating = true;
  try {
    const answer = await heartbeat(state.client, state.options.group, seat);
    if (answer === 'member' || state.seat !== seat) return;
    if (answer === 'lapsed') await exclusive(state, () => lapse(state));
    await rejoin(state);
  } catch (error) {
    if (!state.closed) fail(state, error);
  } finally {
    state.beating = false;
  }
}

async function revoke({ owned, listeners }: ConsumerState, lost: readonly OwnedPartition[]): Promise<void> {
  // Defer by a macrotask: the caller of the last `poll` may not have its records yet.
  await nextTurn();
  for (const partition of lost) owned.delete(partitionId(partition));
  if (lost.length === 0) return;
  const names = lost.map(({ topic, partition }) => ({ topic, partition }));
  for (const listener of listeners) listener(names);
}

const writerOf = ({ client, options: { transactionalIdPrefix, writing } }: ConsumerState, number: number): Writer =>
  openWriter(client, { transactionalId: `${transactionalIdPrefix}${number}`, ...writing });

/** Fences the former owners of these partition numbers, then takes over from the committed offsets. */
async function acquire(state: ConsumerState, numbers: readonly number[]): Promise<ReadonlyMap<number, Writer>> {
  const { client, options, owned } = state;
  const writers = numbers.map((number) => [number, writerOf(state, number)] as const);
  await Promise.all(writers.map(([, writer]) => writer.init()));
  const partitions: TopicPartition[] = [];
  for (const topic of options.topics) {
    const count = await client.partitions(topic);
    for (const partition of numbers) if (partition < count) partitions.push({ topic, partition });
  }
  if (partitions.length > 0) {
    const offsets = await client.retrying(`reading the offsets of group ${options.group}`, async () =>
      fetchOffsets(await client.coordinator('group', options.group), options.group, partitions),
    );
    for (const { topic, partition, offset } of offsets) {
      const start = offset >= 0n ? offset : await offsetAtTime(client, topic, partition, EARLIEST);
      owned.set(partitionId({ topic, partition }), {
        topic,
        partition,
        next: start,
        given: start,
        committed: start,
        ready: [],
        assembler: assembler((from, to) => messagesBetween(client, topic, partition, from, to)),
        fetching: false,
      });
    }
  }
  return new Map(writers);
}
