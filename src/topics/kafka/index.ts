import kafkajs from 'kafkajs';
import { codecFor, schemaTopics } from '../../records/codec.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog, TopicSpec } from '../log.js';
import type { OpenOptions } from '../store.js';
import { aliasOf } from './client/broker-address.js';
import { openClient } from './client/client.js';
import './protocol/codecs.js';
import { explain } from './client/errors.js';
import { type ClusterOptions, newSockets } from './client/internals.js';
import { outageWatch } from './client/outage.js';
import { saslOptions, tlsOptions } from './client/security.js';
import { logOn, prefixesOf, topicDefaults } from './log.js';
import { framed } from './schema-registry/framing.js';
import { openRegistry } from './schema-registry/registry.js';
import type { KafkaSettings } from './settings.js';
import { type Comparison, compareTopics } from './topics.js';

export { type KafkaSettings, parseKafkaSettings } from './settings.js';

/**
 * The topics of a pipeline on a Kafka cluster, exactly once: see `openConsumer`.
 * @throws {UserError} `kafka-unreachable`, `kafka-credentials`, `kafka-tls`, `kafka-too-old`, `no-secret`
 * @example
 * const log = await openKafka({ brokers: ['127.0.0.1:9092'], topicPrefix: 'arithmetic.' });
 */
export async function openKafka(settings: KafkaSettings, { onOutage }: OpenOptions = {}): Promise<TopicLog> {
  const connection = await connectionOptions(settings);
  const outage = onOutage && outageWatch(settings.brokers, onOutage);
  const client = await openClient(connection, outage);
  const admin = adminOf(connection);
  try {
    await admin.connect();
  } catch (error) {
    await Promise.allSettled([client.close(), admin.disconnect()]);
    throw explain(error, settings.brokers, 'connecting');
  }
  const log = logOn(settings, connection, { client, admin, outage });
  if (!settings.schemaRegistry) return log;
  return framed(log, openRegistry(settings.schemaRegistry), prefixesOf(settings).topic);
}

/**
 * Compares the topics of a cluster with those that a pipeline needs. Creates none.
 * @throws {UserError} as `openKafka`
 */
export async function checkKafkaTopics(settings: KafkaSettings, specs: readonly TopicSpec[]): Promise<Comparison> {
  const connection = await connectionOptions(settings);
  await (await openClient(connection)).close();
  const admin = adminOf(connection);
  try {
    await admin.connect();
    return await compareTopics(admin, specs, prefixesOf(settings).topic, topicDefaults(settings));
  } catch (error) {
    throw explain(error, settings.brokers, 'looking up topics');
  } finally {
    await admin.disconnect();
  }
}

/**
 * Checks that this release's schemas are compatible with the schema registry, if there is one. Registers nothing.
 * @throws {UserError} `registry-unreachable`, `registry-denied`
 */
export async function checkKafkaSchemas(settings: KafkaSettings, specs: readonly TopicSpec[]): Promise<string[]> {
  if (!settings.schemaRegistry) return [];
  const registry = openRegistry(settings.schemaRegistry);
  const problems: string[] = [];
  for (const topic of schemaTopics()) {
    if (!specs.some(({ name }) => name === topic)) continue;
    try {
      await registry.check(`${prefixesOf(settings).topic}${topic}-value`, codecFor(topic).schema);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'schema-incompatible') throw error;
      problems.push(error.message);
    }
  }
  return problems;
}

function adminOf(connection: ClusterOptions): kafkajs.Admin {
  const sockets = newSockets();
  const config = { ...kafkaConfig(connection), logLevel: kafkajs.logLevel.NOTHING, socketFactory: sockets.factory };
  const admin = new kafkajs.Kafka(config as kafkajs.KafkaConfig).admin();
  return {
    ...admin,
    async disconnect() {
      try {
        await admin.disconnect();
      } finally {
        sockets.close();
      }
    },
  };
}

/** Connection options for kafkajs. */
export async function connectionOptions(settings: KafkaSettings): Promise<ClusterOptions> {
  const ssl = tlsOptions(settings);
  const sasl = await saslOptions(settings.sasl);
  return {
    brokers: settings.brokers.map(aliasOf),
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
    // Attempts to find a broker that answers; the client retries failures after that.
    retry: { retries: Math.max(3, settings.brokers.length), initialRetryTime: 100, maxRetryTime: 2000 },
  };
}

const kafkaConfig = ({ brokers, ...rest }: ClusterOptions): kafkajs.KafkaConfig =>
  ({ ...rest, brokers: [...brokers] }) as kafkajs.KafkaConfig;
