import { UserError } from '../../support/errors.js';
import type { Consumer, LogRecord, Position, TopicLog, Transaction } from '../log.js';
import type { OpenOptions } from '../store.js';
import { appendAll, retainAll } from './append.js';
import { type GroupLog, joinGroup, leaveAll, type Member, wakeup } from './groups.js';
import { decodeOffset, decodeRecord, encodeOffset, groupKey, offsetOfKey, recordKey, timestampOf } from './layout.js';
import { openStore } from './store.js';
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

/** Opens the log of a folder: the eager half of `openEmbedded` in `store-kind.ts`. */
export async function openEmbedded(folder: string, options: OpenOptions = {}): Promise<TopicLog> {
  const store = openStore(folder, options.readOnly ?? false);
  const known = new Map<string, Topic>();
  const groups = new Map<string, Member[]>();
  const wake = wakeup();
  if (!store.readOnly) store.write((db) => retainAll(db, listTopics(db), Date.now()));

  const topicIn = (db: Database) => (name: string) => {
    if (!known.has(name)) for (const topic of listTopics(db)) known.set(topic.spec.name, topic);
    const topic = known.get(name);
    if (!topic) throw unknownTopic(name, [...known.keys()]);
    return topic;
  };

  const read = (name: string, partition: number, from: bigint, max: number): LogRecord[] =>
    store.read((db) => {
      const topic = topicIn(db)(name);
      assertPartition(topic, partition);
      const { start, end } = boundsOf(db, topic, partition);
      const range = {
        start: recordKey(topic.id, partition, from > start ? from : start),
        end: recordKey(topic.id, partition, end),
        limit: max,
      };
      if (max < 1 || from >= end) return [];
      return [...db.getRange(range)].map(({ key, value }) => decodeRecord(name, partition, key, value));
    });

  const committed = (group: string, name: string): Position[] =>
    store.read((db) => {
      const topic = topicIn(db)(name);
      return Array.from({ length: topic.spec.partitions }, (_, partition) => {
        const place = groupKey(topic.id, partition, group);
        const bytes = db.getBinary(place);
        const offset = bytes ? decodeOffset(place, bytes) : boundsOf(db, topic, partition).start;
        return { topic: name, partition, offset };
      });
    });

  const write = async ({ appends, offsets }: Transaction, group = '', assertOwned = () => {}): Promise<Position[]> => {
    const positions = await store.commit((db) => {
      assertOwned();
      const topicOf = topicIn(db);
      for (const { topic: name, partition, offset } of offsets) {
        const topic = topicOf(name);
        assertPartition(topic, partition);
        const place = groupKey(topic.id, partition, group);
        db.put(place, encodeOffset(place, offset));
      }
      return appendAll(db, topicOf, appends, Date.now());
    });
    if (appends.length > 0) wake.notify(new Set(appends.map(({ topic }) => topic)));
    return positions;
  };

  const groupLog: GroupLog = {
    partitionsOf: (name) => store.read((db) => topicIn(db)(name).spec.partitions),
    committed,
    read,
    commit: async (group, transaction, assertOwned) => void (await write(transaction, group, assertOwned)),
    wake,
  };

  return {
    ensureTopics: async (specs) => {
      // A reader may ask too, as long as nothing is missing.
      const there = new Set(store.read(listTopics).map(({ spec }) => spec.name));
      if (store.readOnly && specs.every(({ name }) => there.has(name))) {
        store.read((db) => createTopics(db, specs));
      } else {
        store.write((db) => createTopics(db, specs));
      }
    },
    describe: async () => store.read(describeTopics),
    append: async (appends) => write({ appends, offsets: [] }),
    read: async (topic, partition, from, max) => read(topic, partition, from, max),
    offsetAt: async (name, partition, timestamp) =>
      store.read((db) => {
        const topic = topicIn(db)(name);
        assertPartition(topic, partition);
        return firstSince(db, topic, partition, timestamp);
      }),
    committed: async (group, topic) => committed(group, topic),
    consumer: async (group, topics): Promise<Consumer> => {
      if (store.readOnly) {
        throw new UserError(
          'topics-read-only',
          `${store.folder}: opened for reading only; a group commits, so it writes`,
        );
      }
      return joinGroup(groupLog, groups, group, topics);
    },
    close: async () => {
      leaveAll(groups, wake);
      await store.close();
    },
  };
}

/** Binary search: timestamps never go back within a partition, while compaction leaves gaps between offsets. */
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
