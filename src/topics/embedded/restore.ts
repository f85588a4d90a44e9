import { required } from '../../support/required.js';
import type { LogRecord, Position, TopicInfo } from '../log.js';
import { encodeOffset, encodeRecord, groupKey, newestKey, recordKey } from './layout.js';
import { openStore } from './store.js';
import { boundsOf, createTopics, listTopics, putBounds, unknownTopic } from './topics.js';

/** Recreates topics from another log; every record keeps its offset and timestamp. */
export interface Restore {
  put(records: readonly LogRecord[]): void;
  commit(group: string, position: Position): void;
  close(): Promise<void>;
}

/** @param topics with their original bounds; records follow in order, with the gaps that compaction left */
export function restoreEmbedded(folder: string, topics: readonly TopicInfo[]): Restore {
  const store = openStore(folder, false);
  store.write((db) => {
    createTopics(
      db,
      topics.map(({ bounds: _, ...spec }) => spec),
    );
    const boundsByName = new Map(topics.map(({ name, bounds }) => [name, bounds]));
    for (const topic of listTopics(db))
      for (const [partition, { start, end }] of required(boundsByName.get(topic.spec.name), topic.spec.name).entries())
        putBounds(db, topic, partition, { start, end, bytes: 0, timestamp: 0 });
  });
  const byName = new Map(store.read(listTopics).map((topic) => [topic.spec.name, topic]));
  const topicOf = (name: string) => {
    const topic = byName.get(name);
    if (!topic) throw unknownTopic(name, [...byName.keys()]);
    return topic;
  };
  return {
    put(records) {
      store.write((db) => {
        for (const { topic: name, partition, offset, timestamp, key, headers, value } of records) {
          const topic = topicOf(name);
          const bounds = boundsOf(db, topic, partition);
          const place = recordKey(topic.id, partition, offset);
          const bytes = encodeRecord(place, key, headers, value, timestamp);
          db.put(place, bytes);
          if (topic.spec.compact) {
            const index = newestKey(topic.id, partition, key);
            db.put(index, encodeOffset(index, offset));
          }
          putBounds(db, topic, partition, { ...bounds, bytes: bounds.bytes + bytes.byteLength, timestamp });
        }
      });
    },
    commit(group, { topic, partition, offset }) {
      store.write((db) => {
        const place = groupKey(topicOf(topic).id, partition, group);
        db.put(place, encodeOffset(place, offset));
      });
    },
    close: () => store.close(),
  };
}
