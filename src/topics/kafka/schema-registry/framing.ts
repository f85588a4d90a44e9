import { type AvroSchema, avroType, fingerprintOf } from '../../../records/avro.js';
import { codecFor, releasedSchemas, schemaTopics } from '../../../records/codec.js';
import { UserError } from '../../../support/errors.js';
import type { Append, LogRecord, TopicLog, TopicPartition } from '../../log.js';
import type { Registry } from './registry.js';

/** Set on every framed record of ours: what stands behind the frame was written under header `schema`. */
const ID_HEADER = 'schema-id';
const FRAME = 5;

/**
 * The same log with values in Confluent's wire format: a zero byte, the schema's id in the registry as int32 big-endian, then the
 * Avro bytes. Subjects are named after topics (`TOPIC-value`). Callers see the Avro bytes and the fingerprint in header
 * `schema`, as without a registry. Records of other producers, which carry no such header, get it by the id in their frame.
 */
export function framed(log: TopicLog, registry: Registry, topicPrefix: string): TopicLog {
  const topics = new Set<string>(schemaTopics());
  const ids = new Map<string, Promise<number>>();
  const fingerprints = new Map<AvroSchema, string>();

  const fingerprint = (schema: AvroSchema): string => {
    const known = fingerprints.get(schema) ?? fingerprintOf(avroType(schema));
    fingerprints.set(schema, known);
    return known;
  };

  /** The id of the schema that a record of this topic was written under. */
  const idOf = (topic: string, writer: string): Promise<number> => {
    const name = `${topic} ${writer}`;
    const known = ids.get(name);
    if (known) return known;
    const current = codecFor(topic as Parameters<typeof codecFor>[0]).schema;
    const schema = [current, ...releasedSchemas(topic).map((release) => release.schema)].find(
      (candidate) => fingerprint(candidate) === writer,
    );
    const id = schema
      ? registry.register(`${topicPrefix}${topic}-value`, schema)
      : Promise.reject(new UserError('unknown-schema', `topic ${topic}: no schema has the fingerprint ${writer}`));
    ids.set(name, id);
    id.catch(() => ids.delete(name));
    return id;
  };

  const frame = (appends: readonly Append[]): Promise<Append[]> =>
    Promise.all(
      appends.map(async (append) => {
        const writer = append.headers?.schema;
        if (append.value === null || writer === undefined || !topics.has(append.topic)) return append;
        const id = await idOf(append.topic, writer);
        const value = Buffer.alloc(FRAME + append.value.byteLength);
        value.writeInt32BE(id, 1);
        value.set(append.value, FRAME);
        return { ...append, value, headers: { ...append.headers, [ID_HEADER]: String(id) } };
      }),
    );

  const unframe = async (record: LogRecord): Promise<LogRecord> => {
    const { value, headers } = record;
    if (value === null || value.byteLength < FRAME || value[0] !== 0 || !topics.has(record.topic)) return record;
    const { [ID_HEADER]: own, ...rest } = headers;
    if (own !== undefined) return { ...record, value: value.subarray(FRAME), headers: rest };
    if (headers.schema !== undefined) return record; // written before a registry was named
    const id = Buffer.from(value.buffer, value.byteOffset, FRAME).readInt32BE(1);
    const schema = await registry.byId(id);
    const writer = schema ? fingerprint(schema) : `${id} of the registry, which it does not have`;
    return { ...record, value: value.subarray(FRAME), headers: { ...rest, schema: writer } };
  };

  return {
    ...log,
    async ensureTopics(specs) {
      // Before anything is created: an incompatible schema must not leave half a pipeline.
      for (const { name } of specs)
        if (topics.has(name)) await idOf(name, codecFor(name as Parameters<typeof codecFor>[0]).fingerprint);
      await log.ensureTopics(specs);
    },
    append: async (appends) => log.append(await frame(appends)),
    read: async (...wanted) => Promise.all((await log.read(...wanted)).map(unframe)),
    async consumer(group, names) {
      const consumer = await log.consumer(group, names);
      const lost = new Set<string>();
      const id = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
      consumer.onRevoked((partitions) => {
        for (const partition of partitions) lost.add(id(partition));
      });
      return {
        ...consumer,
        async poll(...wanted) {
          const given = await consumer.poll(...wanted);
          lost.clear();
          const records = await Promise.all(given.map(unframe));
          // Taken away while the registry was asked: they come again to whoever has the partition now.
          return records.filter((record) => !lost.has(id(record)));
        },
        commit: async ({ appends, offsets }) => consumer.commit({ appends: await frame(appends), offsets }),
      };
    },
  };
}
