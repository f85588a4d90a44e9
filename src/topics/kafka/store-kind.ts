import { UserError } from '../../support/errors.js';
import type { TopicSpec } from '../log.js';
import { defineTopicStore, type StorePlace } from '../store.js';
import { type KafkaPipelineSettings, type KafkaSettings, kafkaPipelineSchema } from './settings.js';

// Only a pipeline on Kafka loads the client and its codecs.
const load = () => import('./index.js');

/** Topics on a Kafka cluster. */
export const kafkaStore = defineTopicStore({
  name: 'kafka',
  summary: 'Topics on a Kafka cluster, for stages in several processes and on several machines.',
  settings: kafkaPipelineSchema,
  traits: ({ partitions, sharedFolder }) => ({
    multiProcess: true,
    location: 'server',
    partitions,
    weights: sharedFolder ? 'folder' : 'topics',
  }),
  open: async (settings, place, options) => (await load()).openKafka(settingsOfRun(settings, place), options),
  check: checkCluster,
  dataset: (settings, place, topic) => ({
    namespace: `kafka://${settings.brokers[0]}`,
    name: `${settingsOfRun(settings, place).topicPrefix}${topic}`,
  }),
});

/**
 * Settings with the run's name appended to each prefix; processes on several machines find each other by it.
 * @throws {UserError} `run-name` if the name is not valid in a Kafka topic
 */
export function settingsOfRun(
  settings: KafkaPipelineSettings,
  { run }: Pick<StorePlace, 'run'>,
): KafkaSettings & { readonly topicPrefix: string } {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(run))
    throw new UserError(
      'run-name',
      `run ${JSON.stringify(run)}: its topics begin with this name; expected letters, digits, ".", "_" and "-"`,
    );
  const connection = connectionOf(settings);
  const { topicPrefix = '', groupPrefix = topicPrefix, transactionalIdPrefix = topicPrefix } = connection;
  return {
    ...connection,
    topicPrefix: `${topicPrefix}${run}.`,
    groupPrefix: `${groupPrefix}${run}.`,
    transactionalIdPrefix: `${transactionalIdPrefix}${run}.`,
  };
}

const connectionOf = ({ partitions: _, sharedFolder: __, ...connection }: KafkaPipelineSettings): KafkaSettings =>
  connection;

/** Checks reachability, version, credentials and schemas; for a run, also its topics and the permissions on them. */
async function checkCluster(
  settings: KafkaPipelineSettings,
  place: StorePlace | undefined,
  topics: readonly TopicSpec[],
): Promise<string[]> {
  const { checkKafkaTopics, checkKafkaSchemas } = await load();
  try {
    const connection = place ? settingsOfRun(settings, place) : connectionOf(settings);
    const { missing, wrong, refused } = await checkKafkaTopics(connection, place ? topics : []);
    const begun = missing.length < topics.length;
    return [
      ...wrong.map((line) => `topic ${connection.topicPrefix}${line}`),
      ...(begun ? missing.map((name) => `topic ${connection.topicPrefix}${name}: is missing`) : []),
      ...refused,
      ...(await checkKafkaSchemas(connection, topics)),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.message];
  }
}
