import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../support/errors.js';
import { required } from '../protocol/requests.js';
import { explain, explainConnecting, isMissingTopic, isTransient, protocolType } from './errors.js';
import {
  type Broker,
  type Cluster,
  type ClusterOptions,
  newCluster,
  newSockets,
  protocolError,
  type Sockets,
} from './internals.js';
import type { OutageWatch } from './outage.js';

/** How long a broker may be unreachable before the request fails, in milliseconds. */
const OUTAGE_MS = 300_000;
/** How long brokers may answer that a topic does not exist: a restarted broker learns of topics late. */
const NO_TOPIC_MS = 30_000;
/** How long to look for a topic that may have been created a moment ago. */
const NEW_TOPIC_MS = 1500;

/** Connections to a cluster. Requests on a connection are serialized, so every consumer has its own client. */
export interface Client {
  readonly brokers: readonly string[];
  /** Number of partitions. @throws {UserError} `unknown-topic` */
  partitions(topic: string): Promise<number>;
  leader(topic: string, partition: number): Promise<Broker>;
  coordinator(kind: 'group' | 'transaction', id: string): Promise<Broker>;
  /** Retries transient failures with growing pauses, for at most `forMs` (default 300,000). */
  retrying<T>(doing: string, attempt: () => Promise<T>, forMs?: number): Promise<T>;
  /** Turns retries off. */
  stop(): void;
  close(): Promise<void>;
}

/**
 * Connects to the first broker that answers.
 * @throws {UserError} `kafka-unreachable`, `kafka-credentials`, `kafka-tls`, `kafka-too-old`
 */
export async function openClient(options: ClusterOptions, outage?: OutageWatch): Promise<Client> {
  const sockets = newSockets();
  const cluster = newCluster(options, sockets);
  try {
    await cluster.connect();
    refuseOld(cluster, options.brokers);
    await cluster.refreshMetadata();
  } catch (error) {
    await cluster.disconnect().catch(() => {});
    sockets.close();
    throw explainConnecting(error, options.brokers);
  }
  return clientOf(cluster, options.brokers, sockets, outage);
}

function refuseOld({ brokerPool }: Cluster, brokers: readonly string[]): void {
  // kafkajs continues even if the first request was never answered.
  if (brokerPool.versions === null)
    throw new UserError(
      'kafka-unreachable',
      `connecting: ${brokers.join(', ')} accepts connections but answers no request; expected a Kafka broker`,
    );
  for (const { apiKey, apiVersion, apiName } of required) {
    const has = brokerPool.versions?.[apiKey]?.maxVersion ?? -1;
    if (has < apiVersion)
      throw new UserError(
        'kafka-too-old',
        `Kafka at ${brokers.join(', ')} is too old: ${apiName} ${apiVersion} is needed, it has ` +
          `${has < 0 ? 'none' : has}; use Kafka 2.5 or newer`,
      );
  }
}

/** State of a client. */
interface ClientState {
  readonly cluster: Cluster;
  readonly brokers: readonly string[];
  /** By kind and id. */
  readonly coordinators: Map<string, Promise<Broker>>;
  readonly connecting: Map<Broker, Promise<unknown>>;
  readonly outage: OutageWatch | undefined;
  /** Retries are off. */
  stopped: boolean;
  disconnected: boolean;
}

/** A client of a connected cluster. */
export function clientOf(
  cluster: Cluster,
  brokers: readonly string[],
  sockets: Pick<Sockets, 'close'>,
  outage?: OutageWatch,
): Client {
  const state: ClientState = {
    cluster,
    brokers,
    coordinators: new Map(),
    connecting: new Map(),
    outage,
    stopped: false,
    disconnected: false,
  };
  return {
    brokers,
    partitions: (topic) => partitionCount(state, topic),
    retrying: (doing, attempt, forMs) => retrying(state, doing, attempt, forMs),
    leader: (topic, partition) => leader(state, topic, partition),
    coordinator: (kind, id) => coordinator(state, kind, id),
    stop: () => {
      state.stopped = true;
    },
    close: async () => {
      state.stopped = true;
      state.disconnected = true;
      try {
        await cluster.disconnect();
      } finally {
        sockets.close();
      }
    },
  };
}

/** Connects a broker once; kafkajs would open one socket per concurrent request on a closed connection. */
async function connected({ connecting }: ClientState, broker: Broker): Promise<Broker> {
  const pool = broker.connectionPool;
  const pending =
    connecting.get(broker) ??
    Promise.all([pool.getConnection(0), pool.getConnection(1)]).finally(() => connecting.delete(broker));
  connecting.set(broker, pending);
  await pending;
  return broker;
}

async function refresh({ cluster, coordinators }: ClientState): Promise<void> {
  coordinators.clear();
  await cluster.connect();
  await cluster.refreshMetadata();
}

/** The protocol's code for a topic that a broker does not know. */
const UNKNOWN_TOPIC = 3;

// An open transaction that must finish first does not mean that the brokers have moved.
const AWAITS_TRANSACTION: readonly unknown[] = ['CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT'];

async function retrying<T>(
  state: ClientState,
  doing: string,
  attempt: () => Promise<T>,
  forMs = OUTAGE_MS,
  missingMs = NO_TOPIC_MS,
): Promise<T> {
  const deadline = Date.now() + forMs;
  let missingSince: number | undefined;
  let patience = missingMs;
  for (let pause = 20; ; pause = Math.min(pause * 2, 2000)) {
    // A request would reopen the connection, which would keep the process alive.
    if (state.disconnected) throw new Error(`${doing}: the connection to Kafka was closed`);
    try {
      const result = await attempt();
      state.outage?.answered();
      return result;
    } catch (error) {
      missingSince = isMissingTopic(error) ? (missingSince ?? Date.now()) : undefined;
      const until = Math.min(deadline, (missingSince ?? deadline) + patience);
      if (state.stopped || !isTransient(error) || Date.now() + pause > until)
        throw explain(error, state.brokers, doing);
      // An error of the protocol is an answer.
      if (protocolType(error) === undefined) {
        state.outage?.failed(doing, error as Error);
        patience = NO_TOPIC_MS;
      }
      await sleep(pause * (0.5 + Math.random() / 2));
      if (state.disconnected) continue;
      if (!AWAITS_TRANSACTION.includes(protocolType(error))) await refresh(state).catch(() => {});
      // Closed during the refresh, which connected again.
      if (state.disconnected) await state.cluster.disconnect().catch(() => {});
    }
  }
}

/** Number of partitions in the cached metadata; 0 if it does not contain the topic. */
function knownPartitions(cluster: Cluster, topic: string): number {
  try {
    return cluster.findTopicPartitionMetadata(topic).length;
  } catch {
    return 0;
  }
}

async function partitionCount(state: ClientState, topic: string): Promise<number> {
  const { cluster, brokers } = state;
  const known = knownPartitions(cluster, topic);
  if (known > 0) return known;
  // Some brokers may not know a new topic yet: they name an error, or leave it out.
  const lookUp = async () => {
    await cluster.addMultipleTargetTopics([topic]);
    if (knownPartitions(cluster, topic) === 0) await cluster.refreshMetadata();
    if (cluster.findTopicPartitionMetadata(topic).length === 0) throw protocolError(UNKNOWN_TOPIC);
  };
  try {
    await retrying(state, `looking up topic ${topic}`, lookUp, OUTAGE_MS, NEW_TOPIC_MS);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'unknown-topic') throw error;
  }
  const found = knownPartitions(cluster, topic);
  if (found === 0)
    throw new UserError('unknown-topic', `topic ${JSON.stringify(topic)} is not on Kafka at ${brokers.join(', ')}`);
  return found;
}

async function leader(state: ClientState, topic: string, partition: number): Promise<Broker> {
  const { cluster } = state;
  const count = await partitionCount(state, topic);
  const found = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
  if (!found)
    throw new UserError('unknown-partition', `topic ${topic} has partitions 0 to ${count - 1}, not ${partition}`);
  return connected(state, await cluster.findBroker({ nodeId: found.leader }));
}

function coordinator(state: ClientState, kind: 'group' | 'transaction', id: string): Promise<Broker> {
  const { coordinators } = state;
  const name = `${kind} ${id}`;
  const known = coordinators.get(name);
  if (known) return known.then((broker) => connected(state, broker));
  const found = findCoordinator(state.cluster, kind, id).then((broker) => connected(state, broker));
  coordinators.set(name, found);
  found.catch(() => coordinators.delete(name));
  return found;
}

async function findCoordinator(cluster: Cluster, kind: 'group' | 'transaction', id: string): Promise<Broker> {
  const wanted = { groupId: id, coordinatorType: kind === 'group' ? 0 : 1 } as const;
  try {
    return await cluster.findGroupCoordinator(wanted);
  } catch (error) {
    // kafkajs tries every broker and hides why they refused: ask one again for its reason.
    if (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound')
      await (await cluster.brokerPool.findConnectedBroker()).findGroupCoordinator(wanted);
    throw error;
  }
}
