import { FencedError, type LogRecord, type Position, type Transaction } from '../../log.js';
import { heartbeat } from './membership.js';
import { lapse, rejoin } from './ownership.js';
import { assertUsable, type ConsumerState, fail, type OwnedPartition, partitionId } from './state.js';

/** At most `max` of the records that are ready. Each partition served moves to the end of the queue. */
export function takeReady(owned: Map<string, OwnedPartition>, max: number): LogRecord[] {
  const records: LogRecord[] = [];
  for (const [id, partition] of [...owned]) {
    if (records.length >= max) break;
    const some = partition.ready.splice(0, max - records.length);
    const last = some.at(-1);
    if (!last) continue;
    partition.given = last.offset + 1n;
    records.push(...some);
    owned.delete(id);
    owned.set(id, partition);
  }
  return records;
}

/** Resolves on a change, on timeout, or when the signal aborts. */
export function changed({ waiting }: ConsumerState, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      waiting.delete(finish);
      resolve();
    };
    // Past 2^31 ms a timer fires at once.
    const timer = setTimeout(finish, Math.min(ms, 0x7fffffff));
    waiting.add(finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** @throws {FencedError} unless every position covers records that this member got as the partition's current owner */
export function assertGiven(
  group: string,
  owned: ReadonlyMap<string, OwnedPartition>,
  positions: readonly Position[],
): void {
  for (const position of positions) {
    const id = partitionId(position);
    const partition = owned.get(id);
    if (!partition) throw new FencedError(`group ${group}: this member does not own ${id}`);
    const { committed, given } = partition;
    // A commit may repeat the current offset, but only after this member has got a record of the partition.
    if (position.offset < committed || position.offset > given || given === committed)
      throw new FencedError(
        `group ${group}: ${id} was revoked and assigned again; its records up to ${position.offset} were given ` +
          'before that',
      );
  }
}

/** Writes the outputs and moves the offsets in one transaction of the current member. */
export async function commit(state: ConsumerState, { appends, offsets }: Transaction): Promise<void> {
  assertUsable(state);
  const { client, options, owned, writer, seat } = state;
  const { group } = options;
  assertGiven(group, owned, offsets);
  if (!writer || !seat) throw new FencedError(`group ${group}: this member owns no partition`);
  const membership = { group, generation: seat.generation, member: seat.member, offsets };
  try {
    await writer.write(appends, membership).catch(async (error) => {
      if (!(error instanceof FencedError)) throw error;
      // Either a new owner took the transactional id, or the broker aborted a slow transaction. The group tells which.
      if ((await heartbeat(client, group, seat)) === 'lapsed') throw error;
      await writer.init();
      await writer.write(appends, membership);
    });
  } catch (error) {
    if (error instanceof FencedError) {
      await lapse(state);
      void rejoin(state).catch((failure) => fail(state, failure));
    }
    throw error;
  }
  for (const position of offsets) {
    const partition = owned.get(partitionId(position));
    if (partition) partition.committed = position.offset;
  }
}
