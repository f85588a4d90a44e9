import { UserError } from '../../support/errors.js';
import type { LogRecord, Position, TopicLog, TopicSpec, Transaction } from '../log.js';
import type { OpenOptions } from '../store.js';
import { appendAll, retainAll } from './append.js';
import { type GroupLog, joinGroup, leaveAll, type Member, type Wakeup, wakeup } from './groups.js';
import { decodeOffset, decodeRecord, encodeOffset, groupKey, offsetOfKey, recordKey, timestampOf } from './layout.js';
import { openStore, type Store } from './store.js';
import {
  assertPartition,
  boundsOf,
  createTopics,
  type Database,
  describeTopics,
  listTopics,
  type Topic,
  unknownTopic,
} from './topics.js';

/** An open log: the database, and this process's cache of topics and group members. */
export interface LogState {
  readonly store: Store;
  /** Topics by name. Topics are immutable once created, so the cache stays valid. */
  readonly topics: Map<string, Topic>;
  readonly groups: Map<string, Member[]>;
  readonly wake: Wakeup;
}

/** Opens the log of a folder: the eager half of `openEmbedded` in `store-kind.ts`. */
export async function openEmbedded(folder: string, options: OpenOptions = {}): Promise<TopicLog> {
  const store = openStore(folder, options.readOnly ?? false);
  const state: LogState = { store, topics: new Map(), groups: new Map(), wake: wakeup() };
  if (!store.readOnly) store.write((db) => retainAll(db, listTopics(db), Date.now()));
  return {
    ensureTopics: async (specs) => ensureTopics(store, specs),
    describe: async () => store.read(describeTopics),
    append: (appends) => write(state, { appends, offsets: [] }),
    read: async (topic, partition, from, max) => read(state, topic, partition, from, max),
    settled: async () => {}, // a transaction of LMDB becomes visible in all topics at once
    offsetAt: async (name, partition, timestamp) =>
      store.read((db) => firstSince(db, partitionedTopic(state, db, name, partition), partition, timestamp)),
    committed: async (group, topic) => committed(state, group, topic),
    consumer: async (group, topics) => joinGroup(groupLogOf(state), state.groups, group, topics),
    close: async () => {
      leaveAll(state.groups, state.wake);
      await store.close();
    },
  };
}

/** A read-only log accepts the call as long as no topic is missing. */
function ensureTopics(store: Store, specs: readonly TopicSpec[]): void {
  const existing = new Set(store.read(listTopics).map(({ spec }) => spec.name));
  const createsNothing = specs.every(({ name }) => existing.has(name));
  if (store.readOnly && createsNothing) store.read((db) => createTopics(db, specs));
  else store.write((db) => createTopics(db, specs));
}

/** @throws {UserError} `unknown-topic` */
function topicNamed({ topics }: LogState, db: Database, name: string): Topic {
  if (!topics.has(name)) for (const topic of listTopics(db)) topics.set(topic.spec.name, topic);
  const topic = topics.get(name);
  if (!topic) throw unknownTopic(name, [...topics.keys()]);
  return topic;
}

/** @throws {UserError} `unknown-topic`, `unknown-partition` */
function partitionedTopic(state: LogState, db: Database, name: string, partition: number): Topic {
  const topic = topicNamed(state, db, name);
  assertPartition(topic, partition);
  return topic;
}

function read(state: LogState, name: string, partition: number, from: bigint, max: number): LogRecord[] {
  return state.store.read((db) => {
    const topic = partitionedTopic(state, db, name, partition);
    const { start, end } = boundsOf(db, topic, partition);
    if (max < 1 || from >= end) return [];
    const range = {
      start: recordKey(topic.id, partition, from > start ? from : start),
      end: recordKey(topic.id, partition, end),
      limit: max,
    };
    return [...db.getRange(range)].map(({ key, value }) => decodeRecord(name, partition, key, value));
  });
}

function committed(state: LogState, group: string, name: string): Position[] {
  return state.store.read((db) => {
    const topic = topicNamed(state, db, name);
    return Array.from({ length: topic.spec.partitions }, (_, partition) => {
      const key = groupKey(topic.id, partition, group);
      const bytes = db.getBinary(key);
      const offset = bytes ? decodeOffset(key, bytes) : boundsOf(db, topic, partition).start;
      return { topic: name, partition, offset };
    });
  });
}

/** The group whose offsets a transaction commits. `assertOwned` throws if its member has lost one of the partitions. */
interface Committer {
  readonly group: string;
  readonly assertOwned: () => void;
}

const noGroup: Committer = { group: '', assertOwned: () => {} };

async function write(
  state: LogState,
  { appends, offsets }: Transaction,
  { group, assertOwned }: Committer = noGroup,
): Promise<Position[]> {
  const positions = await state.store.commit((db) => {
    assertOwned();
    for (const { topic: name, partition, offset } of offsets) {
      const topic = partitionedTopic(state, db, name, partition);
      const key = groupKey(topic.id, partition, group);
      db.put(key, encodeOffset(key, offset));
    }
    return appendAll(db, (name) => topicNamed(state, db, name), appends, Date.now());
  });
  if (appends.length > 0) state.wake.notify(new Set(appends.map(({ topic }) => topic)));
  return positions;
}

/** @throws {UserError} `topics-read-only` */
function groupLogOf(state: LogState): GroupLog {
  const { store, wake } = state;
  if (store.readOnly) {
    throw new UserError(
      'topics-read-only',
      `${store.folder}: the topics are open for reading only, but a consumer group writes its offsets`,
    );
  }
  return {
    partitionsOf: (name) => store.read((db) => topicNamed(state, db, name).spec.partitions),
    committed: (group, name) => committed(state, group, name),
    read: (name, partition, from, max) => read(state, name, partition, from, max),
    commit: async (group, transaction, assertOwned) => {
      await write(state, transaction, { group, assertOwned });
    },
    wake,
  };
}

/** Binary search: timestamps never decrease within a partition, but compaction leaves gaps between offsets. */
function firstSince(db: Database, topic: Topic, partition: number, timestamp: number): bigint {
  const bounds = boundsOf(db, topic, partition);
  const end = recordKey(topic.id, partition, bounds.end);
  const firstFrom = (offset: bigint) => {
    const [entry] = db.getRange({ start: recordKey(topic.id, partition, offset), end, limit: 1 });
    return entry && { offset: offsetOfKey(entry.key), timestamp: timestampOf(entry.value) };
  };
  let low = bounds.start;
  let high = bounds.end;
  while (low < high) {
    const middle = (low + high) / 2n;
    const record = firstFrom(middle);
    if (!record || record.timestamp >= timestamp) high = middle;
    else low = record.offset + 1n;
  }
  return firstFrom(low)?.offset ?? bounds.end;
}
