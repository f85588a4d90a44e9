import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { hostOf } from './broker-address.js';

/**
 * The parts of kafkajs below its consumer and producer: connections, metadata, and one method per request. Its consumer
 * loop sets the pace and its producer cannot send a group generation with the offsets; credit and fencing need both.
 * kafkajs 2.2.4 is the last release and is pinned, so these modules do not change.
 */
const require = createRequire(import.meta.url);

export interface Encoder {
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: string): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer): Encoder;
  writeArray(values: readonly Encoder[]): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string | null): Encoder;
  writeUVarIntArray(values: readonly Encoder[], type: 'object'): Encoder;
}

export interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string;
  readUVarIntString(): string | null;
  readUVarIntArray<T>(read: (decoder: Decoder) => T): T[] | null;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readBytes(length?: number): Buffer;
  readTaggedFields(): unknown;
}

export interface Throttled<T> {
  readonly clientSideThrottleTime: number;
  readonly value: T;
}

/** A request and the parser of its response. */
export interface Exchange<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<Encoder>;
  };
  /** kafkajs waits for `clientSideThrottleTime` (ms) before it sends the next request: the broker's quota. */
  readonly response: { decode(data: Buffer): Promise<Throttled<T>>; parse(decoded: Throttled<T>): Promise<T> };
  readonly requestTimeout?: number;
}

type ByTopic<T> = readonly { readonly topic: string; readonly partitions: readonly T[] }[];

export interface Broker {
  readonly nodeId: number;
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  readonly connectionPool: {
    send<T>(exchange: Exchange<T>): Promise<T>;
    /** Pool index: 1 for fetches, 0 for everything else. Connects if necessary. */
    getConnection(index: 0 | 1): Promise<unknown>;
  };
  disconnect(): Promise<void>;
  findGroupCoordinator(options: { groupId: string; coordinatorType: 0 | 1 }): Promise<unknown>;
  initProducerId(options: { transactionalId: string; transactionTimeout: number }): Promise<{
    producerId: string;
    producerEpoch: number;
  }>;
  addPartitionsToTxn(options: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    topics: ByTopic<number>;
  }): Promise<unknown>;
  addOffsetsToTxn(options: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    groupId: string;
  }): Promise<unknown>;
  endTxn(options: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    transactionResult: boolean;
  }): Promise<unknown>;
  listOffsets(options: {
    replicaId: number;
    isolationLevel: number;
    topics: ByTopic<{ partition: number; timestamp: number }>;
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  joinGroup(options: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: readonly { name: string; metadata: Buffer }[];
  }): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    members: { memberId: string; memberMetadata: Buffer }[];
  }>;
  syncGroup(options: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(options: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(options: { groupId: string; memberId: string }): Promise<unknown>;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  /** `versions` are the API versions of the first broker that answered, by API key. */
  readonly brokerPool: { readonly versions: Broker['versions'] | null; findConnectedBroker(): Promise<Broker> };
  findBroker(options: { nodeId: number }): Promise<Broker>;
  findGroupCoordinator(options: { groupId: string; coordinatorType: 0 | 1 }): Promise<Broker>;
  findTopicPartitionMetadata(topic: string): readonly { partitionId: number; leader: number }[];
}

/** A custom login for kafkajs's `sasl.authenticationProvider`. */
export type Authenticator = (connection: {
  /** `encode` gives the length as int32 and the bytes; the answer's bytes go through `decode` and `parse`. */
  saslAuthenticate<D, T>(exchange: {
    readonly request: { encode(): Promise<Buffer> };
    readonly response: { decode(data: Buffer): Promise<D>; parse(decoded: D): Promise<T> };
  }): Promise<T>;
}) => { authenticate(): Promise<void> };

export interface ClusterOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: object;
  readonly sasl?: object;
  readonly connectionTimeout: number;
  readonly authenticationTimeout: number;
  readonly reauthenticationThreshold: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly isolationLevel: number;
  readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
}

const ClusterClass = require('kafkajs/src/cluster') as new (options: object) => Cluster;
const { createLogger } = require('kafkajs/src/loggers') as { createLogger(options: object): object };
const createSocket = (require('kafkajs/src/network/socketFactory') as () => (options: object) => Socket)();

/** Opens connections, also to IPv6 addresses as `aliasOf` writes them. */
export const socketFactory = (wanted: { readonly host: string }): Socket =>
  createSocket({ ...wanted, host: hostOf(wanted.host) });
const EncoderClass = require('kafkajs/src/protocol/encoder') as new (size?: number) => Encoder;
const DecoderClass = require('kafkajs/src/protocol/decoder') as new (data: Buffer) => Decoder;
const protocolErrors = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };

/** CRC-32C (Castagnoli), unsigned. */
export const crc32c = require('kafkajs/src/protocol/recordBatch/crc32C') as (data: Buffer) => number;

export const memberMetadata = (require('kafkajs') as { AssignerProtocol: AssignerProtocol }).AssignerProtocol
  .MemberMetadata;
export const memberAssignment = (require('kafkajs') as { AssignerProtocol: AssignerProtocol }).AssignerProtocol
  .MemberAssignment;

interface AssignerProtocol {
  readonly MemberMetadata: {
    encode(value: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(data: Buffer): { topics: string[]; userData: Buffer };
  };
  readonly MemberAssignment: {
    encode(value: {
      version: number;
      assignment: Readonly<Record<string, readonly number[]>>;
      userData: Buffer;
    }): Buffer;
    decode(data: Buffer): { assignment: Record<string, number[]> } | null;
  };
}

/** Kafka's codecs by their number in a record batch: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
export const compressionCodecs = (require('kafkajs') as { CompressionCodecs: Record<number, () => Codec | null> })
  .CompressionCodecs;

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(data: Buffer): Promise<Buffer>;
}

/** One socket to a broker at a time, and the bytes of an incomplete response. */
interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<boolean>;
}
const { prototype: connection } = require('kafkajs/src/network/connection') as { readonly prototype: Connection };
const { connect } = connection;
// kafkajs keeps the partial response of a closed socket and prepends it to the bytes of the next one, after which no
// response on that connection can be parsed.
connection.connect = function connectAnew(this: Connection) {
  if (!this.isConnected()) Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: 4 });
  return connect.call(this);
};

/** The sockets of one client. */
export interface Sockets {
  readonly factory: (wanted: { readonly host: string }) => Socket;
  /**
   * Ends what is left of them. kafkajs may still be connecting then, or connect again for a request that was under way;
   * such a socket would keep the process alive, so it ends at once.
   */
  close(): void;
}

export function newSockets(create = socketFactory): Sockets {
  const open = new Set<Socket>();
  let closed = false;
  const end = (socket: Socket) => void socket.destroy(new Error('the connection to Kafka was closed'));
  return {
    factory(wanted) {
      // While a broker is down, every failed request adds a listener to the same socket; Node would warn about a leak.
      const socket = create(wanted).setMaxListeners(0);
      // kafkajs stops listening before it ends a socket.
      socket.on('error', () => {});
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      if (closed) end(socket);
      return socket;
    },
    close() {
      closed = true;
      for (const socket of open) end(socket);
    },
  };
}

export function newCluster(options: ClusterOptions, sockets: Sockets): Cluster {
  // kafkajs logs every failed attempt; errors that matter reach the caller.
  const logger = createLogger({ level: 0, logCreator: () => () => {} });
  return new ClusterClass({
    ...options,
    logger,
    socketFactory: sockets.factory,
  });
}

/** @param size initial capacity in bytes */
export const encoder = (size?: number): Encoder => new EncoderClass(size);
export const decoder = (data: Buffer): Decoder => new DecoderClass(data);
/** The error for a code of the protocol. */
export const protocolError = (code: number): Error => protocolErrors.createErrorFromCode(code);
