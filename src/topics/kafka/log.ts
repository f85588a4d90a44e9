import { randomUUID } from 'node:crypto';
import type { Admin } from 'kafkajs';
import { type Append, type Consumer, FencedError, type LogRecord, type Position, type TopicLog } from '../log.js';
import { type Client, openClient } from './client/client.js';
import { explain } from './client/errors.js';
import type { ClusterOptions } from './client/internals.js';
import type { OutageWatch } from './client/outage.js';
import { openConsumer } from './consumer/consumer.js';
import { openWriter, type Writer, type WriterOptions } from './producer/writer.js';
import { EARLIEST, LATEST, offsetAtTime, readRecords, settle, settleAll, type Written } from './protocol/read.js';
import { fetchOffsets } from './protocol/requests.js';
import { COMPRESSION, type KafkaSettings } from './settings.js';
import { compactedTopics, describeTopics, ensureTopics, type TopicDefaults } from './topics.js';

const DEFAULT_MESSAGE_BYTES = 1_000_000;
const DEFAULT_SESSION_MS = 30_000;
/** Size of a record batch without its messages. */
const BATCH_BYTES = 128;
const APPEND_ATTEMPTS = 5;

/** Prefixes of a pipeline's names on a cluster. */
export interface Prefixes {
  readonly topic: string;
  readonly group: string;
  readonly transactionalId: string;
}

export function prefixesOf({ topicPrefix = '', ...settings }: KafkaSettings): Prefixes {
  const { groupPrefix = topicPrefix, transactionalIdPrefix = topicPrefix } = settings;
  return { topic: topicPrefix, group: groupPrefix, transactionalId: transactionalIdPrefix };
}

export const topicDefaults = ({
  maxMessageBytes = DEFAULT_MESSAGE_BYTES,
  replicationFactor,
}: KafkaSettings): TopicDefaults => ({
  maxMessageBytes,
  ...(replicationFactor !== undefined && { replicationFactor }),
});

/** The connections of a log. */
export interface Opened {
  readonly client: Client;
  readonly admin: Admin;
  readonly outage: OutageWatch | undefined;
}

/** An open log on a cluster. */
interface LogState extends Opened {
  readonly settings: KafkaSettings;
  readonly connection: ClusterOptions;
  readonly prefixes: Prefixes;
  readonly written: Written;
  readonly writing: Omit<WriterOptions, 'transactionalId'>;
  /** Writes appends outside any group. */
  readonly appender: Writer;
  readonly consumers: Set<Consumer>;
  /** Resolves with the last requested append. */
  turn: Promise<unknown>;
}

/** The topics on the open connections; `close` also closes those. */
export function logOn(settings: KafkaSettings, connection: ClusterOptions, opened: Opened): TopicLog {
  const { client, admin } = opened;
  const state = stateOf(settings, connection, opened);
  const topic = { prefix: state.prefixes.topic, physical: (name: string) => state.prefixes.topic + name };
  const explained = (error: unknown): never => {
    throw explain(error, settings.brokers, 'looking up topics');
  };
  return {
    ensureTopics: (specs) => ensureTopics(admin, specs, topic.prefix, topicDefaults(settings)).catch(explained),
    // Stages look up topics too, and an outage is no fault of the record at hand.
    describe: () =>
      client
        .retrying('looking up topics', () => describeTopics(admin, client, topic.prefix, state.written))
        .catch(explained),
    append: (appends) => append(state, appends),
    read: async (name, partition, from, max): Promise<LogRecord[]> => {
      await settle(state.written, client, topic.physical(name), partition);
      return logical(topic.prefix, await readRecords(client, topic.physical(name), partition, from, max));
    },
    settled: async (name) => {
      const partitions = await client.partitions(topic.physical(name));
      const settling = Array.from({ length: partitions }, (_, k) => settleAll(client, topic.physical(name), k));
      await Promise.all(settling);
    },
    offsetAt: async (name, partition, timestamp) => {
      await settle(state.written, client, topic.physical(name), partition);
      const time = Math.max(0, Math.ceil(timestamp));
      const found = await offsetAtTime(client, topic.physical(name), partition, time);
      return found >= 0n ? found : offsetAtTime(client, topic.physical(name), partition, LATEST);
    },
    committed: async (group, name) => {
      const offsets = await committedOffsets(client, state.prefixes.group + group, topic.physical(name));
      return logical(topic.prefix, offsets);
    },
    consumer: (group, names) => consume(state, group, names),
    close: () => close(state),
  };
}

function stateOf(settings: KafkaSettings, connection: ClusterOptions, { client, admin, outage }: Opened): LogState {
  const prefixes = prefixesOf(settings);
  const written: Written = new Map();
  const writing = {
    compression: COMPRESSION[settings.compression ?? 'none'],
    limit: topicDefaults(settings).maxMessageBytes - BATCH_BYTES,
    written,
    isCompacted: compactedTopics(admin, client),
  };
  // A fresh id, which fences nobody.
  const transactionalId = `${prefixes.transactionalId}append-${randomUUID()}`;
  const appender = openWriter(client, { transactionalId, ...writing });
  const consumers = new Set<Consumer>();
  const turn = Promise.resolve();
  return { settings, connection, prefixes, client, admin, outage, written, writing, appender, consumers, turn };
}

/** Items with the pipeline's topic names instead of the cluster's. */
export const logical = <T extends { readonly topic: string }>(prefix: string, items: readonly T[]): T[] =>
  items.map((item) => ({ ...item, topic: item.topic.slice(prefix.length) }));

/** Items with the cluster's topic names instead of the pipeline's. */
export const physical = <T extends { readonly topic: string }>(prefix: string, items: readonly T[]): T[] =>
  items.map((item) => ({ ...item, topic: prefix + item.topic }));

/** Appends in sequence: a writer has one transaction at a time. */
function append(state: LogState, appends: readonly Append[]): Promise<Position[]> {
  const prefix = state.prefixes.topic;
  const result = state.turn.then(() => writeUnfenced(state.appender, physical(prefix, appends)));
  state.turn = result.catch(() => {});
  return result.then((positions) => logical(prefix, positions));
}

/**
 * Retries when fenced. Nobody else uses the id of the appender, so the broker has aborted a transaction that took too
 * long, as in an outage.
 */
async function writeUnfenced(appender: Writer, appends: readonly Append[]): Promise<Position[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await appender.write(appends);
    } catch (error) {
      if (!(error instanceof FencedError) || attempt === APPEND_ATTEMPTS) throw error;
    }
  }
}

async function consume(state: LogState, group: string, topics: readonly string[]): Promise<Consumer> {
  const { settings, connection, prefixes, writing, consumers } = state;
  const client = await openClient(connection, state.outage);
  const inner = await openConsumer(client, {
    group: prefixes.group + group,
    topics: topics.map((topic) => prefixes.topic + topic),
    sessionMs: settings.sessionMs ?? DEFAULT_SESSION_MS,
    transactionalIdPrefix: `${prefixes.transactionalId}${group}-`,
    writing,
  }).catch(async (error) => {
    await client.close();
    throw error;
  });
  const renamed = logicalConsumer(inner, prefixes.topic);
  const consumer: Consumer = {
    ...renamed,
    close: async () => {
      consumers.delete(consumer);
      await renamed.close();
    },
  };
  consumers.add(consumer);
  return consumer;
}

/** A consumer whose caller uses the pipeline's topic names. */
export function logicalConsumer(inner: Consumer, prefix: string): Consumer {
  return {
    poll: async (...wanted) => logical(prefix, await inner.poll(...wanted)),
    commit: ({ appends, offsets }) =>
      inner.commit({ appends: physical(prefix, appends), offsets: physical(prefix, offsets) }),
    assigned: () => logical(prefix, inner.assigned()),
    onRevoked: (listener) => inner.onRevoked((partitions) => listener(logical(prefix, partitions))),
    close: () => inner.close(),
  };
}

async function committedOffsets(client: Client, group: string, topic: string): Promise<Position[]> {
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

async function close(state: LogState): Promise<void> {
  // One that cannot be closed must not keep the others open: each would keep the process alive.
  const closed = await Promise.allSettled([...state.consumers].map((consumer) => consumer.close()));
  await state.turn;
  closed.push(...(await Promise.allSettled([state.client.close(), state.admin.disconnect()])));
  for (const one of closed) if (one.status === 'rejected') throw one.reason;
}
