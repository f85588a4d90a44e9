import { required } from '../../support/required.js';
import type { Append, Position } from '../log.js';
import { partitionOf } from '../partition.js';
import {
  type Bounds,
  decodeOffset,
  encodeOffset,
  encodeRecord,
  keyOf,
  newestKey,
  offsetOfKey,
  recordKey,
  timestampOf,
} from './layout.js';
import { boundsOf, type Database, putBounds, type Topic } from './topics.js';

interface Touched {
  readonly topic: Topic;
  readonly partition: number;
  readonly bounds: Bounds;
}

/** Call inside a write transaction. Appends, then applies compaction and retention. */
export function appendAll(
  db: Database,
  topicOf: (name: string) => Topic,
  appends: readonly Append[],
  now: number,
): Position[] {
  const touched = new Map<string, Touched>();
  const positions = appends.map(({ topic: name, key, value, headers }) => {
    const topic = topicOf(name);
    const partition = partitionOf(key, topic.spec.partitions);
    const mark = `${topic.id}/${partition}`;
    let part = touched.get(mark);
    if (!part) {
      part = { topic, partition, bounds: boundsOf(db, topic, partition) };
      touched.set(mark, part);
    }
    const { bounds } = part;
    bounds.timestamp = Math.max(bounds.timestamp, now);
    const offset = bounds.end;
    bounds.end += 1n;
    const place = recordKey(topic.id, partition, offset);
    const bytes = encodeRecord(place, key, headers, value, bounds.timestamp);
    bounds.bytes += bytes.byteLength;
    db.put(place, bytes);
    if (topic.spec.compact) replaceNewest(db, part, key, offset);
    return { topic: name, partition, offset: bounds.end };
  });
  for (const part of touched.values()) {
    retain(db, part, now);
    putBounds(db, part.topic, part.partition, part.bounds);
  }
  return positions;
}

function replaceNewest(db: Database, { topic, partition, bounds }: Touched, key: string, offset: bigint): void {
  const index = newestKey(topic.id, partition, key);
  const before = db.getBinary(index);
  if (before) {
    const old = recordKey(topic.id, partition, decodeOffset(index, before));
    bounds.bytes -= required(
      db.getBinary(old),
      `record ${decodeOffset(index, before)} of ${topic.spec.name}`,
    ).byteLength;
    db.remove(old);
  }
  db.put(index, encodeOffset(index, offset));
}

/** Drops the oldest records past the topic's limits, but always keeps the newest one. */
function retain(db: Database, { topic, partition, bounds }: Touched, now: number): void {
  const { ms = Number.POSITIVE_INFINITY, bytes: limit = Number.POSITIVE_INFINITY } = topic.spec.retention ?? {};
  if (ms === Number.POSITIVE_INFINITY && bounds.bytes <= limit) return;
  const drop: Buffer[] = [];
  let left = bounds.bytes;
  for (const { key, value } of db.getRange({
    start: recordKey(topic.id, partition, bounds.start),
    end: recordKey(topic.id, partition, bounds.end),
  })) {
    const tooMuch = left > limit && offsetOfKey(key) < bounds.end - 1n;
    if (!tooMuch && now - timestampOf(value) <= ms) break;
    left -= value.byteLength;
    drop.push(Buffer.from(key));
    bounds.start = offsetOfKey(key) + 1n;
    if (topic.spec.compact) forget(db, topic, partition, keyOf(value), offsetOfKey(key));
  }
  for (const key of drop) db.remove(key);
  bounds.bytes = left;
}

function forget(db: Database, topic: Topic, partition: number, key: string, offset: bigint): void {
  const index = newestKey(topic.id, partition, key);
  const newest = db.getBinary(index);
  if (newest && decodeOffset(index, newest) === offset) db.remove(index);
}

/** Applies time limits to topics that receive no appends. */
export function retainAll(db: Database, topics: readonly Topic[], now: number): void {
  for (const topic of topics) {
    if (topic.spec.retention === undefined) continue;
    for (let partition = 0; partition < topic.spec.partitions; partition++) {
      const bounds = boundsOf(db, topic, partition);
      if (bounds.start === bounds.end) continue;
      retain(db, { topic, partition, bounds }, now);
      putBounds(db, topic, partition, bounds);
    }
  }
}
