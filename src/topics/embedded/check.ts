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
  /** The offset that comes next. */
  next: bigint;
  /** In a compacted topic: offsets of records that keys lead to and that have not been seen. */
  readonly unseen: Set<bigint>;
}

/**
 * Reads every entry of a folder's log against its checksum, and finds what is missing or lies where none belongs.
 * @param gapless whether the offsets of what is not compacted follow each other; those that came from Kafka need not
 * @returns the first entry that is not what was written; undefined where all are
 * @throws {UserError} `topics-corrupt` where LMDB's own pages are damaged
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
  /** Told only where nothing else is: what lies elsewhere is missing in its own place. */
  let misplaced: Damage | undefined;
  // In one go, as what leads from page to page may be damaged, too.
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

/** What is there in the order of the pages, while the way to it by its key leads elsewhere. */
const unfound = (place: Buffer, part?: Partition): Damage => ({
  ...placeOf(part),
  offset: tagOf(place) === tags.record ? offsetOfKey(place) : 0n,
  field: tagOf(place) === tags.record ? 'record' : (entryName(place) ?? 'entry'),
  expected: 'to be found by its key',
  found: 'nothing there',
});

/** Named by damage that belongs to no topic. */
const NO_TOPIC = '';

const placeOf = (part?: Partition) =>
  part ? { topic: part.topic.spec.name, partition: part.partition } : { topic: NO_TOPIC, partition: 0 };
