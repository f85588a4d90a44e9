import { basename, join } from 'node:path';
import { UserError } from '../support/errors.js';
import { openEmbedded } from '../topics/embedded/index.js';
import type { KafkaSettings } from '../topics/kafka/settings.js';
import { type TopicLog, TopicMismatchError, type TopicSpec } from '../topics/log.js';
import type { Plan } from './plan.js';
import type { PipelineSpec } from './spec.js';

/** Folder of a run's embedded topics. */
export const logFolder = (run: string): string => join(run, 'topics');

/** The topics of a run: in its folder, or on the cluster that its spec names, under the name of the folder. */
export async function openLog(
  spec: PipelineSpec,
  folder: string,
  options: { readonly readOnly?: boolean } = {},
): Promise<TopicLog> {
  if (spec.topics === 'embedded') return openEmbedded(logFolder(folder), options);
  // Only a pipeline on Kafka loads the client.
  const { openKafka } = await import('../topics/kafka/index.js');
  return openKafka(kafkaSettings(spec.topics.kafka, runName(folder)));
}

/**
 * A run's name on a cluster: that of its folder, so that processes on several machines find each other by `--run NAME`.
 * @throws {UserError} `run-name` where Kafka has no topic of that name
 */
export function runName(folder: string): string {
  const name = basename(folder);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name))
    throw new UserError(
      'run-name',
      `--run ${folder}: ${JSON.stringify(name)} is to begin the names of topics; expected letters, digits, ".", "_" and "-"`,
    );
  return name;
}

type KafkaSpec = Exclude<PipelineSpec['topics'], 'embedded'>['kafka'];

/** A spec's settings with the run's name behind each prefix; without a run as they are. */
export function kafkaSettings(kafka: KafkaSpec, run?: string): KafkaSettings {
  const { partitions: _, sharedFolder: __, ...rest } = kafka;
  const settings = rest as unknown as KafkaSettings;
  if (run === undefined) return settings;
  const { topicPrefix = '', groupPrefix = topicPrefix, transactionalIdPrefix = topicPrefix } = settings;
  return {
    ...settings,
    topicPrefix: `${topicPrefix}${run}.`,
    groupPrefix: `${groupPrefix}${run}.`,
    transactionalIdPrefix: `${transactionalIdPrefix}${run}.`,
  };
}

/**
 * A run that has begun had all of its topics: going on without one would lose what it held.
 * @throws {UserError} `topics-deleted`, with every topic that is gone
 */
export async function refuseDeleted(log: TopicLog, topics: readonly TopicSpec[]): Promise<void> {
  const there = new Set((await log.describe()).map(({ name }) => name));
  const gone = topics.filter(({ name }) => !there.has(name)).map(({ name }) => `topic ${name}: is missing`);
  if (gone.length > 0)
    throw new UserError(
      'topics-deleted',
      `${gone.join('\n')}\nthe run had begun and cannot go on without it; begin another with another --run`,
    );
}

/** Creates the topics that are missing. @throws {UserError} `topics-differ`, with every difference */
export async function ensureTopics(log: TopicLog, topics: readonly TopicSpec[]): Promise<void> {
  try {
    await log.ensureTopics(topics);
  } catch (error) {
    if (!(error instanceof TopicMismatchError)) throw error;
    const lines = error.message.split('\n').map((line) => `topic ${line}`);
    throw new UserError(
      'topics-differ',
      `${lines.join('\n')}\nthe topics are not those of this pipeline; nothing was changed`,
    );
  }
}

/**
 * What stands between a pipeline and its cluster, a line each: an unreachable or old cluster, wrong credentials, an incompatible schema;
 * and, where the folder of a run is named, topics that differ, that it may not create, or that are missing although the run has begun.
 */
export async function checkTopics({ spec, topics }: Plan, folder?: string): Promise<string[]> {
  if (spec.topics === 'embedded') return [];
  const { checkKafkaTopics, checkKafkaSchemas } = await import('../topics/kafka/index.js');
  try {
    const settings = kafkaSettings(spec.topics.kafka, folder === undefined ? undefined : runName(folder));
    const { missing, wrong, refused } = await checkKafkaTopics(settings, folder === undefined ? [] : topics);
    const begun = missing.length < topics.length;
    return [
      ...wrong.map((line) => `topic ${settings.topicPrefix}${line}`),
      ...(begun ? missing.map((name) => `topic ${settings.topicPrefix}${name}: is missing`) : []),
      ...refused,
      ...(await checkKafkaSchemas(settings, topics)),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.message];
  }
}
