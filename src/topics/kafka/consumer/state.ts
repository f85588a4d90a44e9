import type { LogRecord, TopicPartition } from '../../log.js';
import type { Client } from '../client/client.js';
import type { Writer, WriterOptions } from '../producer/writer.js';
import type { Assembler } from '../protocol/chunks.js';
import type { GroupOptions, Seat } from './membership.js';

export interface ConsumerOptions extends GroupOptions {
  readonly transactionalIdPrefix: string;
  readonly writing: Omit<WriterOptions, 'transactionalId'>;
}

/** State of an owned partition. */
export interface OwnedPartition extends TopicPartition {
  /** Next offset to fetch. */
  next: bigint;
  /** Next offset after the last record returned to the caller. */
  given: bigint;
  committed: bigint;
  /** Fetched and not yet returned: at most one fetch. */
  ready: LogRecord[];
  readonly assembler: Assembler;
  fetching: boolean;
}

/** One member of a consumer group. */
export interface ConsumerState {
  readonly client: Client;
  readonly options: ConsumerOptions;
  /** By `partitionId`, in serving order. */
  readonly owned: Map<string, OwnedPartition>;
  readonly listeners: Set<(partitions: readonly TopicPartition[]) => void>;
  /** Ends the waits of `poll`. */
  readonly waiting: Set<() => void>;
  seat: Seat | undefined;
  /** undefined while the member owns nothing. */
  writer: Writer | undefined;
  /** Failure of background work, thrown by the next call. */
  failure: { readonly error: unknown } | undefined;
  closed: boolean;
  beating: boolean;
  /** Ends with the work queued by `exclusive`. */
  turn: Promise<unknown>;
}

export function newState(client: Client, options: ConsumerOptions): ConsumerState {
  return {
    client,
    options,
    owned: new Map(),
    listeners: new Set(),
    waiting: new Set(),
    seat: undefined,
    writer: undefined,
    failure: undefined,
    closed: false,
    beating: false,
    turn: Promise.resolve(),
  };
}

export const partitionId = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** Wakes every waiting `poll`. */
export function notify({ waiting }: ConsumerState): void {
  for (const wake of [...waiting]) wake();
}

/** Keeps the first failure of background work for the next call. */
export function fail(state: ConsumerState, error: unknown): void {
  state.failure ??= { error };
  notify(state);
}

/** @throws the failure of background work, or an error if the consumer is closed */
export function assertUsable({ failure, closed, options }: ConsumerState): void {
  if (failure) throw failure.error;
  if (closed) throw new Error(`the consumer of group ${options.group} is closed`);
}

/** Runs queued work one at a time: a rebalance waits for the commit in progress, and a commit for the rebalance. */
export function exclusive<T>(state: ConsumerState, work: () => Promise<T>): Promise<T> {
  const result = state.turn.then(work);
  state.turn = result.catch(() => {});
  return result;
}
