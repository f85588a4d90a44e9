import { readdirSync, readFileSync } from 'node:fs';
import { nearest, UserError } from '../support/errors.js';
import { type AvroSchema, avroCodec, type Codec } from './avro.js';
import type { TopicRecords } from './records.js';

const folder = new URL('../../schemas/', import.meta.url);
const cache = new Map<string, Codec<never>>();

const read = (file: URL) => JSON.parse(readFileSync(file, 'utf8')) as AvroSchema;

/** The names of the topics that have a schema. */
export function schemaTopics(): (keyof TopicRecords)[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
  return files.map((file) => file.slice(0, -'.avsc'.length) as keyof TopicRecords).sort();
}

/** A topic's schema in each release, the oldest first: `schemas/released/VERSION/TOPIC.avsc`. */
export function releasedSchemas(topic: string): { readonly release: string; readonly schema: AvroSchema }[] {
  const released = new URL('released/', folder);
  const releases = readdirSync(released).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return releases
    .filter((release) => readdirSync(new URL(`${release}/`, released)).includes(`${topic}.avsc`))
    .map((release) => ({ release, schema: read(new URL(`${release}/${topic}.avsc`, released)) }));
}

/**
 * Encodes and decodes the records of a topic. Records of earlier releases are read too, by the fingerprint in their
 * header
 * `schema`.
 * @throws {UserError} `unknown-topic`
 * @example
 * const { encode, fingerprint } = codecFor('prompts');
 * const headers = { schema: fingerprint };
 * await log.append([{ topic: 'prompts', key: prompt.promptId, value: encode(prompt), headers }]);
 */
export function codecFor<K extends keyof TopicRecords>(topic: K): Codec<TopicRecords[K]> {
  const cached = cache.get(topic);
  if (cached) return cached as Codec<TopicRecords[K]>;
  const topics = schemaTopics();
  if (!topics.includes(topic)) {
    const near = nearest(topic, topics);
    throw new UserError(
      'unknown-topic',
      `topic ${JSON.stringify(topic)} has no schema; ` +
        `${near === undefined ? `there are ${topics.join(', ')}` : `did you mean ${near}?`}`,
    );
  }
  const older = releasedSchemas(topic).map(({ schema }) => schema);
  const codec = avroCodec<TopicRecords[K]>(topic, read(new URL(`${topic}.avsc`, folder)), older);
  cache.set(topic, codec as Codec<never>);
  return codec;
}
