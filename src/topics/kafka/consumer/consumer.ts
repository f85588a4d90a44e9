import type { Consumer, LogRecord } from '../../log.js';
import type { Client } from '../client/client.js';
import { changed, commit, takeReady } from './delivery.js';
import { fetchMore } from './fetching.js';
import { beat, rejoin } from './ownership.js';
import { assertUsable, type ConsumerOptions, type ConsumerState, exclusive, newState, notify } from './state.js';

/**
 * Joins a consumer group. Heartbeats and rebalances run in the background, however long the caller takes between `poll`
 * and `commit`. Prefetches at most one fetch per partition.
 *
 * Exactly-once rests on two fences in the brokers. Offsets are committed with the member's generation, which brokers
 * refuse after a rebalance. And each partition number of a group has a transactional id: a new owner takes over the ids
 * of its partitions before it reads, which aborts the former owner's open transaction and rejects its later writes. A
 * member writes under the id of its lowest number, so one transaction can span all its partitions.
 */
export async function openConsumer(client: Client, options: ConsumerOptions): Promise<Consumer> {
  const state = newState(client, options);
  for (const topic of options.topics) await client.partitions(topic);
  const timer = setInterval(() => void beat(state), Math.min(Math.max(options.sessionMs / 10, 100), 3000));
  timer.unref();
  try {
    await rejoin(state);
  } catch (error) {
    clearInterval(timer);
    throw error;
  }
  return {
    poll: (max, waitMs, signal) => poll(state, max, waitMs, signal),
    commit: (transaction) => exclusive(state, () => commit(state, transaction)),
    assigned: () => [...state.owned.values()].map(({ topic, partition }) => ({ topic, partition })),
    onRevoked: (listener) => void state.listeners.add(listener),
    close: () => {
      clearInterval(timer);
      return close(state);
    },
  };
}

async function poll(state: ConsumerState, max: number, waitMs: number, signal?: AbortSignal): Promise<LogRecord[]> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    assertUsable(state);
    if (signal?.aborted) return [];
    const records = takeReady(state.owned, max);
    fetchMore(state);
    if (records.length > 0 || max <= 0) return records;
    const left = deadline - Date.now();
    if (left <= 0) return [];
    await changed(state, left, signal);
    if (state.closed) return [];
  }
}

/** Leaves the group, so that the others get the partitions immediately, and disconnects. */
async function close(state: ConsumerState): Promise<void> {
  if (state.closed) return;
  state.closed = true;
  notify(state);
  const { client, options } = state;
  client.stop();
  await state.turn;
  if (state.seat) {
    const { member } = state.seat;
    const broker = await client.coordinator('group', options.group).catch(() => undefined);
    await broker?.leaveGroup({ groupId: options.group, memberId: member }).catch(() => {});
  }
  await client.close();
}
