// What is used of kafkajs below its public interface, as types.

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
