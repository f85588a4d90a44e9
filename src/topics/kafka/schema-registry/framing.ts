import { type AvroSchema, avroType, fingerprintOf } from '../../../records/avro.js';
import { codecFor, releasedSchemas, schemaTopics } from '../../../records/codec.js';
import { UserError } from '../../../support/errors.js';
import type { Append, Consumer, LogRecord, TopicLog, TopicPartition } from '../../log.js';
import type { Registry } from './registry.js';

/** Header of the records that this log frames: the bytes after the frame were written under header `schema`. */
const ID_HEADER = 'schema-id';
const FRAME = 5;

/**
 * The same log with values in Confluent's wire format: a zero byte, the schema's id in the registry as int32
 * big-endian, then the Avro bytes. Subjects are named after topics (`TOPIC-value`). Callers see the Avro bytes and the
 * fingerprint in header
 * `schema`, as without a registry. Records of other producers lack that header and get it by the id in their frame.
 */
export function framed(log: TopicLog, registry: Registry, topicPrefix: string): TopicLog {
  const state: FramingState = { registry, topicPrefix, ids: new Map(), fingerprints: new Map() };
  return {
    ...log,
    async ensureTopics(specs) {
      // Check before creating anything: an incompatible schema must not leave half a pipeline.
      for (const { name } of specs) if (isSchemaTopic(name)) await idOf(state, name, codecFor(name).fingerprint);
      await log.ensureTopics(specs);
    },
    append: async (appends) => log.append(await frameAll(state, appends)),
    read: async (...wanted) => unframeAll(state, await log.read(...wanted)),
    consumer: async (group, topics) => framedConsumer(state, await log.consumer(group, topics)),
  };
}

type SchemaTopic = Parameters<typeof codecFor>[0];

const schemaTopicNames: ReadonlySet<string> = new Set(schemaTopics());
const isSchemaTopic = (topic: string): topic is SchemaTopic => schemaTopicNames.has(topic);

interface FramingState {
  readonly registry: Registry;
  readonly topicPrefix: string;
  /** Ids in the registry by topic and fingerprint. */
  readonly ids: Map<string, Promise<number>>;
  readonly fingerprints: Map<AvroSchema, string>;
}

function fingerprint({ fingerprints }: FramingState, schema: AvroSchema): string {
  const known = fingerprints.get(schema) ?? fingerprintOf(avroType(schema));
  fingerprints.set(schema, known);
  return known;
}

/** The id of the schema with this fingerprint, under which a record of the topic was written. */
function idOf(state: FramingState, topic: SchemaTopic, writer: string): Promise<number> {
  const { registry, topicPrefix, ids } = state;
  const name = `${topic} ${writer}`;
  const known = ids.get(name);
  if (known) return known;
  const schemas = [codecFor(topic).schema, ...releasedSchemas(topic).map((release) => release.schema)];
  const schema = schemas.find((candidate) => fingerprint(state, candidate) === writer);
  const id = schema
    ? registry.register(`${topicPrefix}${topic}-value`, schema)
    : Promise.reject(new UserError('unknown-schema', `topic ${topic}: no schema has the fingerprint ${writer}`));
  ids.set(name, id);
  id.catch(() => ids.delete(name));
  return id;
}

const frameAll = (state: FramingState, appends: readonly Append[]): Promise<Append[]> =>
  Promise.all(appends.map((append) => frame(state, append)));

async function frame(state: FramingState, append: Append): Promise<Append> {
  const { topic, value, headers } = append;
  const writer = headers?.schema;
  if (value === null || writer === undefined || !isSchemaTopic(topic)) return append;
  const id = await idOf(state, topic, writer);
  const framedValue = Buffer.alloc(FRAME + value.byteLength);
  framedValue.writeInt32BE(id, 1);
  framedValue.set(value, FRAME);
  return { ...append, value: framedValue, headers: { ...headers, [ID_HEADER]: String(id) } };
}

const unframeAll = (state: FramingState, records: readonly LogRecord[]): Promise<LogRecord[]> =>
  Promise.all(records.map((record) => unframe(state, record)));

async function unframe(state: FramingState, record: LogRecord): Promise<LogRecord> {
  const { value, headers } = record;
  if (value === null || value.byteLength < FRAME || value[0] !== 0 || !isSchemaTopic(record.topic)) return record;
  const { [ID_HEADER]: own, ...rest } = headers;
  if (own !== undefined) return { ...record, value: value.subarray(FRAME), headers: rest };
  if (headers.schema !== undefined) return record; // written before a registry was configured
  const id = Buffer.from(value.buffer, value.byteOffset, FRAME).readInt32BE(1);
  const schema = await state.registry.byId(id);
  const writer = schema ? fingerprint(state, schema) : `id ${id}, which is not in the registry`;
  return { ...record, value: value.subarray(FRAME), headers: { ...rest, schema: writer } };
}

const partitionId = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

function framedConsumer(state: FramingState, consumer: Consumer): Consumer {
  const revoked = new Set<string>();
  consumer.onRevoked((partitions) => {
    for (const partition of partitions) revoked.add(partitionId(partition));
  });
  return {
    ...consumer,
    async poll(...wanted) {
      const given = await consumer.poll(...wanted);
      revoked.clear();
      const records = await unframeAll(state, given);
      // Skip records of partitions revoked during the lookup; the new owner reads them again.
      return records.filter((record) => !revoked.has(partitionId(record)));
    },
    commit: async ({ appends, offsets }) => consumer.commit({ appends: await frameAll(state, appends), offsets }),
  };
}
