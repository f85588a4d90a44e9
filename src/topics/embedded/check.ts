import { DamagedRecordError, hex } from '../log.js';
import type { Damage } from '../store.js';
import {
  type Bounds,
  DamagedEntryError,
  decodeRecord,
  entryName,
  offsetOfKey,
  partOf,
  tags,
  unseal,
} from './layout.js';
import { openStore } from './store.js';
import { boundsOf, type Database, listTopics, type Topic } from './topics.js';

interface Partition {
  readonly topic: Topic;
  readonly partition: number;
  readonly bounds: Bounds;
  /** Next expected offset. */
  next: bigint;
  /** Compacted topics: offsets that the key index points to and that have not been seen yet. */
  readonly unseen: Set<bigint>;
}

/**
 * Verifies the checksum of every entry in a folder's log, and finds missing and stray entries.
 * @param gapless whether offsets of uncompacted topics are consecutive; those imported from Kafka need not be
 * @returns the first damaged entry; undefined if there is none
 * @throws {UserError} `topics-corrupt` if LMDB's own pages are damaged
 */
export async function checkEmbedded(folder: string, gapless: boolean): Promise<Damage | undefined> {
  const store = openStore(folder, true);
  let topics: readonly Topic[] = [];
  try {
    topics = store.read(listTopics);
    return store.read((db) => check(db, topics, gapless));
  } catch (error) {
    if (error instanceof DamagedRecordError)
      return { ...error.at, field: 'checksum', expected: hex(error.expected), found: hex(error.found) };
    if (!(error instanceof DamagedEntryError)) throw error;
    const { place, what, expected, found } = error;
    if (tagOf(place) === tags.topic)
      return { topic: place.toString('utf8', 1), partition: 0, offset: 0n, field: what, expected, found };
    const { id, partition } = partOf(place);
    const topic = topics.find((one) => one.id === id);
    return { topic: topic ? topic.spec.name : NO_TOPIC, partition, offset: 0n, field: what, expected, found };
  } finally {
    await store.close();
  }
}

const tagOf = (place: Buffer): string => place.toString('latin1', 0, 1);

function check(db: Database, topics: readonly Topic[], gapless: boolean): Damage | undefined {
  const partitions = new Map<string, Partition>();
  for (const topic of topics)
    for (let partition = 0; partition < topic.spec.partitions; partition++) {
      const bounds = boundsOf(db, topic, partition);
      partitions.set(`${topic.id}/${partition}`, { topic, partition, bounds, next: bounds.start, unseen: new Set() });
    }
  /** Reported only if nothing else is: a misplaced entry is also missing from its own place. */
  let misplaced: Damage | undefined;
  // In a single range scan: the links between pages may be damaged, too.
  for (const { key, value } of db.getRange({ start: Buffer.from([0]) })) {
    const damage = damageOfEntry(partitions, key, value, gapless);
    if (damage && damage.field !== 'entry') return damage;
    misplaced ??= damage;
    if (!misplaced && !db.getBinary(key)?.equals(value)) misplaced = unfound(key, partitionOf(partitions, key));
  }
  for (const part of partitions.values()) {
    const [unseen] = part.unseen;
    if (unseen !== undefined) return missing(part, unseen);
    if (gapless && !part.topic.spec.compact && part.next !== part.bounds.end) return missing(part, part.next);
  }
  return misplaced;
}

function partitionOf(partitions: ReadonlyMap<string, Partition>, place: Buffer): Partition | undefined {
  if (place.length < 9) return undefined;
  const { id, partition } = partOf(place);
  return partitions.get(`${id}/${partition}`);
}

function damageOfEntry(
  partitions: ReadonlyMap<string, Partition>,
  place: Buffer,
  bytes: Buffer,
  gapless: boolean,
): Damage | undefined {
  const tag = tagOf(place);
  if ([tags.format, tags.writer, tags.topic].includes(tag)) return undefined;
  const part = partitionOf(partitions, place);
  if (!part || (tag !== tags.record && !entryName(place))) return stray(place, part);
  const { topic, partition, bounds } = part;
  const { name, compact = false } = topic.spec;
  if (tag === tags.record) {
    const offset = offsetOfKey(place);
    if (gapless && !compact && offset !== part.next) return missing(part, part.next);
    decodeRecord(name, partition, place, bytes);
    part.next = offset + 1n;
    part.unseen.delete(offset);
    return offset < bounds.start || offset >= bounds.end ? stray(place, part) : undefined;
  }
  const content = unseal(place, bytes);
  if (tag === tags.key) part.unseen.add(content.readBigUInt64BE());
  return undefined;
}

const missing = (part: Partition, offset: bigint): Damage => ({
  ...placeOf(part),
  offset,
  field: 'record',
  expected: 'a record',
  found: 'nothing',
});

const stray = (place: Buffer, part?: Partition): Damage => ({
  ...placeOf(part),
  offset: 0n,
  field: 'entry',
  expected: 'none',
  found: `one at ${place.toString('hex')}`,
});

/** An entry that a scan finds but a lookup by its key does not. */
const unfound = (place: Buffer, part?: Partition): Damage => ({
  ...placeOf(part),
  offset: tagOf(place) === tags.record ? offsetOfKey(place) : 0n,
  field: tagOf(place) === tags.record ? 'record' : (entryName(place) ?? 'entry'),
  expected: 'an entry that a lookup by its key finds',
  found: 'nothing there',
});

/** Reported for damage that belongs to no topic. */
const NO_TOPIC = '';

const placeOf = (part?: Partition) =>
  part ? { topic: part.topic.spec.name, partition: part.partition } : { topic: NO_TOPIC, partition: 0 };
