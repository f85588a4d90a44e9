import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../support/errors.js';
import { required } from '../protocol/requests.js';
import { explain, explainConnecting, isMissingTopic, isTransient, protocolType } from './errors.js';
import { type Broker, type Cluster, type ClusterOptions, newCluster } from './internals.js';

/** How long a broker may be away before the work fails, in milliseconds. */
const OUTAGE_MS = 300_000;
/** How long brokers may say that there is no such topic: one that comes back learns of them late. */
const NO_TOPIC_MS = 30_000;

/** One set of connections to the cluster. Requests on a connection wait for each other, so every consumer has its own. */
export interface Client {
  readonly brokers: readonly string[];
  /** Number of partitions. @throws {UserError} `unknown-topic` */
  partitions(topic: string): Promise<number>;
  leader(topic: string, partition: number): Promise<Broker>;
  coordinator(kind: 'group' | 'transaction', id: string): Promise<Broker>;
  /** Tries again with growing pauses while the failure may pass, for at most `forMs`. */
  retrying<T>(doing: string, attempt: () => Promise<T>, forMs?: number): Promise<T>;
  /** From here on nothing is tried again. */
  stop(): void;
  close(): Promise<void>;
}

/**
 * Connects to the first broker that answers.
 * @throws {UserError} `kafka-unreachable`, `kafka-credentials`, `kafka-tls`, `kafka-too-old`
 */
export async function openClient(options: ClusterOptions): Promise<Client> {
  const cluster = newCluster(options);
  try {
    await cluster.connect();
    refuseOld(cluster, options.brokers);
    await cluster.refreshMetadata();
  } catch (error) {
    await cluster.disconnect().catch(() => {});
    throw explainConnecting(error, options.brokers);
  }
  return clientOf(cluster, options.brokers);
}

function refuseOld({ brokerPool }: Cluster, brokers: readonly string[]): void {
  // kafkajs goes on where the first request was never answered.
  if (brokerPool.versions === null)
    throw new UserError(
      'kafka-unreachable',
      `connecting: what listens at ${brokers.join(', ')} takes connections and answers nothing; expected a Kafka broker`,
    );
  for (const { apiKey, apiVersion, apiName } of required) {
    const has = brokerPool.versions?.[apiKey]?.maxVersion ?? -1;
    if (has < apiVersion)
      throw new UserError(
        'kafka-too-old',
        `Kafka at ${brokers.join(', ')} is too old: ${apiName} ${apiVersion} is needed, it has ${has < 0 ? 'none' : has}; use Kafka 2.5 or newer`,
      );
  }
}

function clientOf(cluster: Cluster, brokers: readonly string[]): Client {
  const coordinators = new Map<string, Promise<Broker>>();
  let closed = false;
  let disconnected = false;

  // kafkajs opens a socket for each of several requests that meet a closed connection at once.
  const connecting = new Map<Broker, Promise<unknown>>();
  const connected = async (broker: Broker): Promise<Broker> => {
    const pool = broker.connectionPool;
    const pending =
      connecting.get(broker) ??
      Promise.all([pool.getConnection(0), pool.getConnection(1)]).finally(() => connecting.delete(broker));
    connecting.set(broker, pending);
    await pending;
    return broker;
  };

  const refresh = async () => {
    coordinators.clear();
    await cluster.connect();
    await cluster.refreshMetadata();
  };

  const retrying: Client['retrying'] = async (doing, attempt, forMs = OUTAGE_MS) => {
    const deadline = Date.now() + forMs;
    let missing: number | undefined;
    for (let pause = 20; ; pause = Math.min(pause * 2, 2000)) {
      // A request would open a connection again, and that would keep the process from ending.
      if (disconnected) throw new Error(`${doing}: the connection to Kafka was closed`);
      try {
        return await attempt();
      } catch (error) {
        missing = isMissingTopic(error) ? (missing ?? Date.now()) : undefined;
        const until = Math.min(deadline, (missing ?? deadline) + NO_TOPIC_MS);
        if (closed || !isTransient(error) || Date.now() + pause > until) throw explain(error, brokers, doing);
        await sleep(pause * (0.5 + Math.random() / 2));
        if (disconnected) continue;
        // An open transaction that must finish first says nothing about where the brokers are.
        if (protocolType(error) !== 'CONCURRENT_TRANSACTIONS' && protocolType(error) !== 'UNSTABLE_OFFSET_COMMIT')
          await refresh().catch(() => {});
        if (disconnected) await cluster.disconnect().catch(() => {});
      }
    }
  };

  const partitions = async (topic: string): Promise<number> => {
    const known = () => {
      try {
        return cluster.findTopicPartitionMetadata(topic).length;
      } catch {
        return 0;
      }
    };
    if (known() > 0) return known();
    try {
      // A topic made a moment ago may not be known to every broker yet.
      await retrying(`looking up topic ${topic}`, () => cluster.addMultipleTargetTopics([topic]), 1500);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'unknown-topic') throw error;
    }
    if (known() === 0)
      throw new UserError('unknown-topic', `topic ${JSON.stringify(topic)} is not on Kafka at ${brokers.join(', ')}`);
    return known();
  };

  return {
    brokers,
    partitions,
    retrying,
    async leader(topic, partition) {
      const count = await partitions(topic);
      const found = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
      if (!found)
        throw new UserError('unknown-partition', `topic ${topic} has partitions 0 to ${count - 1}, not ${partition}`);
      return connected(await cluster.findBroker({ nodeId: found.leader }));
    },
    coordinator(kind, id) {
      const name = `${kind} ${id}`;
      const known = coordinators.get(name);
      if (known) return known.then(connected);
      const asked = { groupId: id, coordinatorType: kind === 'group' ? 0 : 1 } as const;
      const found = cluster
        .findGroupCoordinator(asked)
        .catch(async (error) => {
          // kafkajs asks every broker and keeps to itself why they refused.
          if (error.name === 'KafkaJSGroupCoordinatorNotFound')
            await (await cluster.brokerPool.findConnectedBroker()).findGroupCoordinator(asked);
          throw error;
        })
        .then(connected);
      coordinators.set(name, found);
      found.catch(() => coordinators.delete(name));
      return found;
    },
    stop() {
      closed = true;
    },
    async close() {
      closed = true;
      disconnected = true;
      await cluster.disconnect();
    },
  };
}
