import { UserError } from '../../../support/errors.js';
import { type Broker, protocolError } from '../client/internals.js';
import { claimsChunk } from '../protocol/chunks.js';
import { committedMessages, EARLIEST, OFFSET_OUT_OF_RANGE, offsetAtTime } from '../protocol/read.js';
import { type FetchedPartition, fetchBatches } from '../protocol/transfer.js';
import { type ConsumerState, fail, notify, type OwnedPartition, partitionId } from './state.js';

const FETCH_BYTES = 1 << 20;
/** A fetch waits this long for the first record; less while other partitions have records ready. */
const IDLE_MS = 500;
const BUSY_MS = 50;

/** Starts a fetch in the background for every partition that has no record ready. Failures surface on the next call. */
export function fetchMore(state: ConsumerState): void {
  const { client, options, owned } = state;
  const wanted = [...owned.values()].filter(({ ready, fetching }) => ready.length === 0 && !fetching);
  if (wanted.length === 0) return;
  const waitMs = wanted.length === owned.size ? IDLE_MS : BUSY_MS;
  for (const partition of wanted) partition.fetching = true;
  void client
    .retrying(`reading ${options.topics.join(', ')} for group ${options.group}`, () =>
      fetchFromLeaders(state, wanted, waitMs),
    )
    .catch((error) => {
      if (!state.closed) fail(state, error);
    })
    .finally(() => {
      for (const partition of wanted) partition.fetching = false;
      notify(state);
    });
}

const isOwned = ({ owned }: ConsumerState, partition: OwnedPartition): boolean =>
  owned.get(partitionId(partition)) === partition;

async function fetchFromLeaders(state: ConsumerState, wanted: readonly OwnedPartition[], waitMs: number) {
  const leaders = new Map<Broker, OwnedPartition[]>();
  for (const partition of wanted) {
    if (partition.ready.length > 0 || !isOwned(state, partition)) continue;
    const broker = await state.client.leader(partition.topic, partition.partition);
    const led = leaders.get(broker);
    if (led) led.push(partition);
    else leaders.set(broker, [partition]);
  }
  // Wait for all before any is tried again: two fetches of one partition at once would return its records twice.
  const outcomes = await Promise.allSettled(
    [...leaders].map(([broker, partitions]) => fetchFrom(state, broker, partitions, waitMs)),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function fetchFrom(state: ConsumerState, broker: Broker, partitions: readonly OwnedPartition[], waitMs: number) {
  const found = await fetchBatches(
    broker,
    partitions.map(({ topic, partition, next }) => ({ topic, partition, offset: next })),
    { waitMs, partitionBytes: FETCH_BYTES, totalBytes: FETCH_BYTES * 8 },
  );
  let refused = 0;
  for (const fetched of found) {
    const partition = partitions.find((p) => p.topic === fetched.topic && p.partition === fetched.partition);
    if (!partition || !isOwned(state, partition)) continue;
    if (fetched.error === OFFSET_OUT_OF_RANGE) await recordsGone(state, partition);
    if (fetched.error === 0) await receive(partition, fetched);
    else refused = fetched.error;
  }
  if (refused !== 0) throw protocolError(refused);
  notify(state);
}

/** Makes the committed records of a fetch ready. */
export async function receive(
  partition: Pick<OwnedPartition, 'next' | 'ready' | 'assembler'>,
  fetched: FetchedPartition,
): Promise<void> {
  const { messages, next } = committedMessages(fetched, partition.next);
  for (const message of messages) {
    const record = claimsChunk(message) ? await partition.assembler.add(message) : message;
    if (record) partition.ready.push(record);
  }
  partition.next = next;
}

async function recordsGone({ client, options }: ConsumerState, partition: OwnedPartition): Promise<never> {
  const start = await offsetAtTime(client, partition.topic, partition.partition, EARLIEST);
  throw new UserError(
    'records-gone',
    `group ${options.group}: offset ${partition.next} of ${partitionId(partition)} is gone, the topic starts at ` +
      `${start}; ` +
      "raise the topic's retention, or set the group's offsets to continue without those records",
  );
}
