/**
 * The durable log that connects all stages.
 *
 * Two implementations: `embedded/` (LMDB, one folder, no server) and `kafka/`. Both pass `test/topics/conformance.ts`.
 */

import { UserError } from '../support/errors.js';

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Keep only the newest record of a key; a record without a value deletes the key. */
  readonly compact?: boolean;
  /** Oldest records are dropped past these; without them a topic keeps everything. */
  readonly retention?: { readonly ms?: number; readonly bytes?: number };
}

/** A record to append. The key picks the partition: the same key, the same partition. */
export interface Append {
  readonly topic: string;
  readonly key: string;
  /** null: a tombstone on a compacted topic, a gap marker elsewhere. */
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since the epoch at which the log took the record. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `offset` is the next one to read. */
export interface Position extends TopicPartition {
  readonly offset: bigint;
}

/** One transaction: all of it becomes visible at once, or nothing does. */
export interface Transaction {
  readonly appends: readonly Append[];
  readonly offsets: readonly Position[];
}

export interface TopicInfo extends TopicSpec {
  /** Per partition: the first offset still there and the next one to be written. */
  readonly bounds: readonly { readonly start: bigint; readonly end: bigint }[];
}

/** A member of a consumer group. Records are pulled, so credit is the number passed to `poll`. */
export interface Consumer {
  /**
   * At most `max` committed records after those already returned, in offset order within each partition.
   * Waits until there is one, `waitMs` has passed (then `[]`), or the signal aborts (then `[]`).
   */
  poll(max: number, waitMs: number, signal?: AbortSignal): Promise<LogRecord[]>;
  /**
   * Appends the outputs and moves the group's offsets in one transaction.
   * @throws {FencedError} when this member no longer owns one of the partitions; nothing is written then.
   */
  commit(transaction: Transaction): Promise<void>;
  /** What this member owns now; a member of a group with more members than partitions may own nothing. */
  assigned(): readonly TopicPartition[];
  /**
   * Called when partitions are revoked: drop their records. Records from a poll already in flight are unaffected, since
   * the partition may have been reassigned by then.
   */
  onRevoked(listener: (partitions: readonly TopicPartition[]) => void): void;
  close(): Promise<void>;
}

export interface TopicLog {
  /** Creates the topics that are missing. @throws {TopicMismatchError} when one exists with other settings. */
  ensureTopics(specs: readonly TopicSpec[]): Promise<void>;
  describe(): Promise<TopicInfo[]>;
  /** Appends outside of any group, atomically. Returns each record's position plus one. */
  append(appends: readonly Append[]): Promise<Position[]>;
  /** At most `max` records of one partition from an offset on, without a group; `[]` at the end. */
  read(topic: string, partition: number, from: bigint, max: number): Promise<LogRecord[]>;
  /**
   * Waits until every record of the topic that was written before the call is committed or aborted, by whatever
   * process. The parts of one transaction may become readable one after another: a record can name another that `read`
   * does not find yet, but finds after this. Gives up after a minute, when the log itself aborts what was abandoned.
   */
  settled(topic: string): Promise<void>;
  /** The first offset whose record is not older than `timestamp` (ms); the end where there is none. */
  offsetAt(topic: string, partition: number, timestamp: number): Promise<bigint>;
  /** The group's next offset per partition; the topic's start where it never committed. */
  committed(group: string, topic: string): Promise<Position[]>;
  /** Joins a group and resumes from its committed offsets. */
  consumer(group: string, topics: readonly string[]): Promise<Consumer>;
  close(): Promise<void>;
}

/** This member lost its partitions, or another writer holds the log. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The log did not answer for as long as it retries. A stage ends with it: no record is at fault. */
export class LogUnavailableError extends UserError {
  override readonly name = 'LogUnavailableError';
}

export class TopicMismatchError extends Error {
  override readonly name = 'TopicMismatchError';
}

/** The checksum of a record does not match its bytes. */
export class DamagedRecordError extends UserError {
  override readonly name = 'DamagedRecordError';
  constructor(
    readonly at: Position,
    readonly expected: number,
    readonly found: number,
  ) {
    const [was, is] = [expected, found].map(hex);
    super(
      'damaged-record',
      `topic ${at.topic}, partition ${at.partition}, offset ${at.offset}: damaged record: ` +
        `found checksum ${is}, expected ${was}`,
    );
  }
}

export const hex = (bits: number): string => `0x${(bits >>> 0).toString(16).padStart(8, '0')}`;
