import type { RootDatabase } from 'lmdb';
import { nearest, UserError } from '../../support/errors.js';
import { type TopicInfo, TopicMismatchError, type TopicSpec } from '../log.js';
import {
  type Bounds,
  boundsKey,
  decodeBounds,
  decodeJson,
  encodeBounds,
  encodeJson,
  topicKey,
  topicRange,
} from './layout.js';

export type Database = RootDatabase<Buffer, Buffer>;
export interface Topic {
  readonly id: number;
  readonly spec: TopicSpec;
}

/** Every topic in the folder. Topics are immutable once created, so the caller may cache the result. */
export function listTopics(db: Database): Topic[] {
  return [...db.getRange(topicRange)].map(({ key, value }) => decodeJson(key, value) as Topic);
}

export function boundsOf(db: Database, topic: Topic, partition: number): Bounds {
  const place = boundsKey(topic.id, partition);
  return decodeBounds(place, db.getBinary(place));
}

export function putBounds(db: Database, topic: Topic, partition: number, bounds: Bounds): void {
  const place = boundsKey(topic.id, partition);
  db.put(place, encodeBounds(place, bounds));
}

export function describeTopics(db: Database): TopicInfo[] {
  return listTopics(db).map((topic) => ({
    ...topic.spec,
    bounds: Array.from({ length: topic.spec.partitions }, (_, partition) => {
      const { start, end } = boundsOf(db, topic, partition);
      return { start, end };
    }),
  }));
}

export function unknownTopic(name: string, known: readonly string[]): UserError {
  const near = nearest(name, known);
  const rest = near === undefined ? `there are ${known.join(', ') || 'none'}` : `did you mean ${near}?`;
  return new UserError('unknown-topic', `topic ${JSON.stringify(name)} does not exist; ${rest}`);
}

export function assertPartition({ spec }: Topic, partition: number): void {
  if (!Number.isInteger(partition) || partition < 0 || partition >= spec.partitions) {
    throw new UserError(
      'unknown-partition',
      `topic ${spec.name}: partition ${partition} does not exist; it has partitions 0 to ${spec.partitions - 1}`,
    );
  }
}

function assertSpec(spec: TopicSpec): void {
  const refuse = (what: string, found: unknown, expected: string): never => {
    throw new UserError('bad-topic', `topic ${JSON.stringify(spec.name)}: ${what} is ${found}; expected ${expected}`);
  };
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(spec.name)) {
    refuse('its name', JSON.stringify(spec.name), '1 to 249 letters, digits, dots, dashes or underscores');
  }
  if (!Number.isInteger(spec.partitions) || spec.partitions < 1) {
    refuse('partitions', spec.partitions, 'a whole number from 1');
  }
  for (const [unit, limit] of Object.entries(spec.retention ?? {})) {
    if (limit !== undefined && !(limit > 0)) refuse(`retention.${unit}`, limit, 'a number above 0');
  }
}

/** One line per setting that differs from the requested topic; empty if they match. */
export function differences(asked: TopicSpec, found: TopicSpec): string[] {
  const settings = (spec: TopicSpec) => ({
    partitions: spec.partitions,
    compact: spec.compact ?? false,
    'retention.ms': spec.retention?.ms ?? 'none',
    'retention.bytes': spec.retention?.bytes ?? 'none',
  });
  const there = Object.entries(settings(found));
  return Object.entries(settings(asked)).flatMap(([setting, value], i) => {
    const other = there[i]?.[1];
    return value === other ? [] : [`topic ${asked.name}: ${setting} is ${other}, expected ${value}`];
  });
}

/** Call inside a write transaction. @throws {TopicMismatchError} listing every difference; no topic is created then. */
export function createTopics(db: Database, specs: readonly TopicSpec[]): void {
  for (const spec of specs) assertSpec(spec);
  const topics = listTopics(db);
  const found = new Map(topics.map((topic) => [topic.spec.name, topic.spec]));
  const wrong: string[] = [];
  let id = Math.max(0, ...topics.map((topic) => topic.id));
  for (const spec of specs) {
    const there = found.get(spec.name);
    if (there) {
      wrong.push(...differences(spec, there));
      continue;
    }
    found.set(spec.name, spec);
    const topic: Topic = { id: ++id, spec };
    const place = topicKey(spec.name);
    db.put(place, encodeJson(place, topic));
    for (let partition = 0; partition < spec.partitions; partition++)
      putBounds(db, topic, partition, { start: 0n, end: 0n, bytes: 0, timestamp: 0 });
  }
  if (wrong.length > 0) throw new TopicMismatchError(wrong.join('\n'));
}
