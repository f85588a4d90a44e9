import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { codecFor, schemaTopics } from '../../records/codec.js';
import { UserError } from '../../support/errors.js';
import { type Append, type Consumer, FencedError, type LogRecord, type TopicLog, type TopicSpec } from '../log.js';
import { type Client, openClient } from './client/client.js';
import './protocol/codecs.js';
import { explain } from './client/errors.js';
import type { ClusterOptions } from './client/internals.js';
import { saslOptions, tlsOptions } from './client/security.js';
import { openConsumer } from './consumer/consumer.js';
import { openWriter } from './producer/writer.js';
import { EARLIEST, LATEST, offsetAtTime, readRecords, settle, type Written } from './protocol/read.js';
import { fetchOffsets } from './protocol/requests.js';
import { framed } from './schema-registry/framing.js';
import { openRegistry } from './schema-registry/registry.js';
import { COMPRESSION, type KafkaSettings } from './settings.js';
import { type Comparison, compactedTopics, compareTopics, describeTopics, ensureTopics } from './topics.js';

export { type KafkaSettings, parseKafkaSettings } from './settings.js';

const DEFAULT_MESSAGE_BYTES = 1_000_000;
/** What a batch takes beside its messages. */
const BATCH_BYTES = 128;

/**
 * The topics of a pipeline on a Kafka cluster, exactly once: see `openConsumer`.
 * @throws {UserError} `kafka-unreachable`, `kafka-credentials`, `kafka-tls`, `kafka-too-old`, `kafka-secret`
 * @example
 * const log = await openKafka({ brokers: ['127.0.0.1:9092'], topicPrefix: 'arithmetic.' });
 */
export async function openKafka(settings: KafkaSettings): Promise<TopicLog> {
  const topicPrefix = settings.topicPrefix ?? '';
  const groupPrefix = settings.groupPrefix ?? topicPrefix;
  const transactionalIdPrefix = settings.transactionalIdPrefix ?? topicPrefix;
  const maxMessageBytes = settings.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES;
  const connection = connectionOptions(settings);
  const client = await openClient(connection);
  const admin = adminOf(connection);
  try {
    await admin.connect();
  } catch (error) {
    await client.close();
    throw explain(error, settings.brokers, 'connecting');
  }

  const written: Written = new Map();
  const writing = {
    compression: COMPRESSION[settings.compression ?? 'none'],
    limit: maxMessageBytes - BATCH_BYTES,
    written,
    isCompacted: compactedTopics(admin),
  };
  const physical = (topic: string) => topicPrefix + topic;
  const logical = <T extends { readonly topic: string }>(items: readonly T[]): T[] =>
    items.map((item) => ({ ...item, topic: item.topic.slice(topicPrefix.length) }));
  const outgoing = (appends: readonly Append[]) =>
    appends.map((append) => ({ ...append, topic: physical(append.topic) }));

  // One writer for what belongs to no group; its id is new, so it fences nobody.
  const appender = openWriter(client, {
    transactionalId: `${transactionalIdPrefix}append-${randomUUID()}`,
    ...writing,
  });
  let turn: Promise<unknown> = Promise.resolve();
  // Nobody else has this id: fenced means that the broker ended the transaction because it took too long, as in an outage.
  const appendAll = async (appends: readonly Append[]) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await appender.write(appends);
      } catch (error) {
        if (!(error instanceof FencedError) || attempt === 5) throw error;
      }
    }
  };
  const explained = (doing: string) => (error: unknown) => {
    throw explain(error, settings.brokers, doing);
  };
  const consumers = new Set<Consumer>();

  const consume = async (group: string, topics: readonly string[]): Promise<Consumer> => {
    const own = await openClient(connection);
    const inner = await openConsumer(own, {
      group: groupPrefix + group,
      topics: topics.map(physical),
      sessionMs: settings.sessionMs ?? 30_000,
      transactionalIdPrefix: `${transactionalIdPrefix}${group}-`,
      writing,
    }).catch(async (error) => {
      await own.close();
      throw error;
    });
    const consumer: Consumer = {
      poll: async (...wanted) => logical(await inner.poll(...wanted)),
      commit: ({ appends, offsets }) =>
        inner.commit({
          appends: outgoing(appends),
          offsets: offsets.map((position) => ({ ...position, topic: physical(position.topic) })),
        }),
      assigned: () => logical(inner.assigned()),
      onRevoked: (listener) => inner.onRevoked((partitions) => listener(logical(partitions))),
      close: async () => {
        consumers.delete(consumer);
        await inner.close();
      },
    };
    consumers.add(consumer);
    return consumer;
  };

  const log: TopicLog = {
    ensureTopics: (specs) =>
      ensureTopics(admin, specs, topicPrefix, topicDefaults(settings)).catch(explained('looking up topics')),
    describe: () => describeTopics(admin, client, topicPrefix, written).catch(explained('looking up topics')),
    append(appends) {
      const result = turn.then(() => appendAll(outgoing(appends)));
      turn = result.catch(() => {});
      return result.then(logical);
    },
    async read(topic, partition, from, max): Promise<LogRecord[]> {
      await settle(written, client, physical(topic), partition);
      return logical(await readRecords(client, physical(topic), partition, from, max));
    },
    async offsetAt(topic, partition, timestamp) {
      await settle(written, client, physical(topic), partition);
      const found = await offsetAtTime(client, physical(topic), partition, Math.max(0, Math.ceil(timestamp)));
      return found >= 0n ? found : offsetAtTime(client, physical(topic), partition, LATEST);
    },
    committed: (group, topic) => committedOffsets(client, groupPrefix + group, physical(topic)).then(logical),
    consumer: consume,
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()));
      await turn;
      await Promise.all([client.close(), admin.disconnect()]);
    },
  };
  return settings.schemaRegistry ? framed(log, openRegistry(settings.schemaRegistry), topicPrefix) : log;
}

/**
 * Compares the topics of a cluster with what a pipeline needs, without creating any.
 * @throws {UserError} as `openKafka`
 */
export async function checkKafkaTopics(settings: KafkaSettings, specs: readonly TopicSpec[]): Promise<Comparison> {
  const connection = connectionOptions(settings);
  await (await openClient(connection)).close();
  const admin = adminOf(connection);
  try {
    await admin.connect();
    return await compareTopics(admin, specs, settings.topicPrefix ?? '', topicDefaults(settings));
  } catch (error) {
    throw explain(error, settings.brokers, 'looking up topics');
  } finally {
    await admin.disconnect();
  }
}

/**
 * Asks the schema registry, where one is named, whether this release's schemas fit its subjects; registers nothing.
 * @throws {UserError} `registry-unreachable`, `registry-denied`
 */
export async function checkKafkaSchemas(settings: KafkaSettings, specs: readonly TopicSpec[]): Promise<string[]> {
  if (!settings.schemaRegistry) return [];
  const registry = openRegistry(settings.schemaRegistry);
  const problems: string[] = [];
  for (const topic of schemaTopics()) {
    if (!specs.some(({ name }) => name === topic)) continue;
    try {
      await registry.check(`${settings.topicPrefix ?? ''}${topic}-value`, codecFor(topic).schema);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'schema-incompatible') throw error;
      problems.push(error.message);
    }
  }
  return problems;
}

const topicDefaults = ({ maxMessageBytes = DEFAULT_MESSAGE_BYTES, replicationFactor }: KafkaSettings) => ({
  maxMessageBytes,
  ...(replicationFactor !== undefined && { replicationFactor }),
});

const adminOf = (connection: ClusterOptions) =>
  new kafkajs.Kafka({ ...kafkaConfig(connection), logLevel: kafkajs.logLevel.NOTHING }).admin();

async function committedOffsets(client: Client, group: string, topic: string) {
  const count = await client.partitions(topic);
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  const offsets = await client.retrying(`reading the offsets of group ${group}`, async () =>
    fetchOffsets(await client.coordinator('group', group), group, partitions),
  );
  return Promise.all(
    offsets.map(async (position) =>
      position.offset >= 0n
        ? position
        : { ...position, offset: await offsetAtTime(client, topic, position.partition, EARLIEST) },
    ),
  );
}

/** How kafkajs is told to reach a cluster. */
export function connectionOptions(settings: KafkaSettings): ClusterOptions {
  const ssl = tlsOptions(settings);
  const sasl = saslOptions(settings.sasl);
  return {
    brokers: settings.brokers,
    clientId: settings.clientId ?? 'rlsd',
    ...(ssl && { ssl }),
    ...(sasl && { sasl }),
    connectionTimeout: 5000,
    authenticationTimeout: 10_000,
    reauthenticationThreshold: 10_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: 1,
    // Attempts to find a broker that answers; what a request meets afterwards is retried by the client.
    retry: { retries: Math.max(3, settings.brokers.length), initialRetryTime: 100, maxRetryTime: 2000 },
  };
}

const kafkaConfig = ({ brokers, ...rest }: ClusterOptions): kafkajs.KafkaConfig =>
  ({ ...rest, brokers: [...brokers] }) as kafkajs.KafkaConfig;
