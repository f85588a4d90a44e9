import kafkajs, { type Admin } from 'kafkajs';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { type TopicInfo, TopicMismatchError, type TopicSpec } from '../log.js';
import type { Client } from './client/client.js';
import { EARLIEST, LATEST, offsetAtTime, settle, type Written } from './protocol/read.js';

const { ConfigResourceTypes } = kafkajs;

export interface TopicDefaults {
  /** Replicas of each partition. Default: the cluster's. */
  readonly replicationFactor?: number;
  /** Largest record batch that the topics must take. */
  readonly maxMessageBytes: number;
}

interface Found {
  readonly partitions: number;
  readonly config: ReadonlyMap<string, string>;
}

const configOf = (spec: TopicSpec): [string, string][] => [
  ['cleanup.policy', spec.compact ? 'compact' : 'delete'],
  ['retention.ms', String(spec.retention?.ms ?? -1)],
  ['retention.bytes', String(spec.retention?.bytes ?? -1)],
];

async function listTopics(admin: Admin): Promise<string[]> {
  try {
    return await admin.listTopics();
  } catch (error) {
    // Without a connected broker kafkajs has no answer, and reads from it all the same.
    throw error instanceof TypeError ? new kafkajs.KafkaJSConnectionError('no broker is connected') : error;
  }
}

async function lookUp(admin: Admin, names: readonly string[]): Promise<Map<string, Found>> {
  const existing = new Set(await listTopics(admin));
  const there = names.filter((name) => existing.has(name));
  if (there.length === 0) return new Map();
  const { topics } = await admin.fetchTopicMetadata({ topics: there });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: there.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    topics.map(({ name, partitions }) => {
      const found = resources.find(({ resourceName }) => resourceName === name);
      const entries = required(found, `configuration of topic ${name}`).configEntries;
      return [
        name,
        { partitions: partitions.length, config: new Map(entries.map((e) => [e.configName, e.configValue])) },
      ];
    }),
  );
}

/** Whether a topic is compacted; looked up once per topic. */
export function compactedTopics(admin: Admin, client: Pick<Client, 'retrying'>): (topic: string) => Promise<boolean> {
  const known = new Map<string, boolean>();
  return async (topic) => {
    const lookedUp = () => client.retrying(`looking up topic ${topic}`, () => lookUp(admin, [topic]));
    const found = known.get(topic) ?? (await lookedUp()).get(topic)?.config.get('cleanup.policy')?.includes('compact');
    known.set(topic, found ?? false);
    return found ?? false;
  };
}

/** Describes every difference between a topic and its spec. */
function differences(spec: TopicSpec, found: Found, minBytes: number): string[] {
  const list: string[] = [];
  if (found.partitions !== spec.partitions) list.push(`partitions is ${found.partitions}, expected ${spec.partitions}`);
  const { config } = found;
  const compact = config.get('cleanup.policy')?.includes('compact') ?? false;
  if (compact !== (spec.compact ?? false)) list.push(`compact is ${compact}, expected ${spec.compact ?? false}`);
  for (const [name, expected] of configOf(spec).slice(1)) {
    const value = config.get(name);
    // A topic that is only compacted drops nothing by age or size.
    if (value !== expected && config.get('cleanup.policy') !== 'compact')
      list.push(`${name.replace('.', ' ')} is ${value}, expected ${expected}`);
  }
  const bytes = Number(config.get('max.message.bytes'));
  if (bytes < minBytes) list.push(`max.message.bytes is ${bytes}, expected at least ${minBytes}`);
  return list;
}

/** What would keep a pipeline from using its topics. Creates nothing. */
export interface Comparison {
  readonly missing: readonly string[];
  /** Differences of existing topics, one line each. */
  readonly wrong: readonly string[];
  /** Why the cluster would not create what is missing. */
  readonly refused: readonly string[];
}

export async function compareTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  prefix: string,
  defaults: TopicDefaults,
): Promise<Comparison> {
  const there = await lookUp(
    admin,
    specs.map(({ name }) => prefix + name),
  );
  const missing = specs.filter(({ name }) => !there.has(prefix + name));
  return {
    missing: missing.map(({ name }) => name),
    wrong: differencesOf(specs, there, prefix, defaults.maxMessageBytes),
    refused: await create(admin, missing, prefix, defaults, { validateOnly: true }),
  };
}

function differencesOf(
  specs: readonly TopicSpec[],
  there: ReadonlyMap<string, Found>,
  prefix: string,
  minBytes: number,
): string[] {
  return specs.flatMap((spec) => {
    const topic = there.get(prefix + spec.name);
    const list = topic ? differences(spec, topic, minBytes) : [];
    return list.length > 0 ? [`${spec.name}: ${list.join('; ')}`] : [];
  });
}

/** Creates topics, or with `validateOnly` checks whether it could. @returns the refusals, one line per reason */
async function create(
  admin: Admin,
  specs: readonly TopicSpec[],
  prefix: string,
  { replicationFactor = -1, maxMessageBytes }: TopicDefaults,
  { validateOnly }: { readonly validateOnly: boolean },
): Promise<string[]> {
  if (specs.length === 0) return [];
  try {
    await admin.createTopics({
      validateOnly,
      waitForLeaders: false,
      topics: specs.map((spec) => ({
        topic: prefix + spec.name,
        numPartitions: spec.partitions,
        replicationFactor,
        configEntries: [
          ...configOf(spec),
          ['max.message.bytes', String(maxMessageBytes)],
          // Append times of the broker, so that lookups by time find offsets in order.
          ['message.timestamp.type', 'LogAppendTime'],
        ].map(([name = '', value = '']) => ({ name, value })),
      })),
    });
  } catch (error) {
    const { errors } = error as { errors?: { type: string; topic: string; message: string }[] };
    if (!errors) throw error;
    const kinds = new Map<string, string[]>();
    for (const { type, topic, message } of errors) {
      if (type === 'TOPIC_ALREADY_EXISTS') continue;
      const reason = `${message} (${type})`;
      kinds.set(reason, [...(kinds.get(reason) ?? []), topic]);
    }
    return [...kinds].map(([reason, topics]) => `Kafka refuses to create ${topics.join(', ')}: ${reason}`);
  }
  return [];
}

/**
 * Creates the topics that are missing and compares the others.
 * @throws {TopicMismatchError} with every difference of every topic; {UserError} `topic-refused`
 */
export async function ensureTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  prefix: string,
  defaults: TopicDefaults,
): Promise<void> {
  const physical = (spec: TopicSpec) => prefix + spec.name;
  const before = await lookUp(admin, specs.map(physical));
  const missing = specs.filter((spec) => !before.has(physical(spec)));
  const refused = await create(admin, missing, prefix, defaults, { validateOnly: false });
  if (refused.length > 0) throw new UserError('topic-refused', refused.join('\n'));
  // Another process may have created them concurrently with other settings.
  const wanted = missing.length === 0 ? before : await found(admin, specs.map(physical));
  const wrong = [
    ...differencesOf(specs, wanted, prefix, defaults.maxMessageBytes),
    ...specs.filter((spec) => !wanted.has(physical(spec))).map(({ name }) => `${name}: is missing`),
  ];
  if (wrong.length > 0) throw new TopicMismatchError(wrong.join('\n'));
}

/** Brokers learn of a new topic shortly after the controller has created it. */
async function found(admin: Admin, names: readonly string[]): Promise<Map<string, Found>> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const topics = await lookUp(admin, names).catch((error) => {
      if (Date.now() > deadline) throw error;
      return new Map<string, Found>();
    });
    if (topics.size === new Set(names).size || Date.now() > deadline) return topics;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** All topics with this prefix, by name. */
export async function describeTopics(
  admin: Admin,
  client: Client,
  prefix: string,
  written: Written,
): Promise<TopicInfo[]> {
  const names = (await listTopics(admin)).filter((name) => name.startsWith(prefix) && !name.startsWith('__'));
  const topics = await lookUp(admin, names);
  return Promise.all(
    [...topics]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(async ([topic, { partitions, config }]) => {
        const ms = Number(config.get('retention.ms'));
        const bytes = Number(config.get('retention.bytes'));
        const retention = { ...(ms >= 0 && { ms }), ...(bytes >= 0 && { bytes }) };
        const bounds = await Promise.all(
          Array.from({ length: partitions }, async (_, partition) => {
            await settle(written, client, topic, partition);
            return {
              start: await offsetAtTime(client, topic, partition, EARLIEST),
              end: await offsetAtTime(client, topic, partition, LATEST),
            };
          }),
        );
        return {
          name: topic.slice(prefix.length),
          partitions,
          ...(config.get('cleanup.policy')?.includes('compact') && { compact: true }),
          ...(Object.keys(retention).length > 0 && { retention }),
          bounds,
        };
      }),
  );
}
