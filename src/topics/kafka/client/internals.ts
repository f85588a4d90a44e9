import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { hostOf } from './broker-address.js';
import type { Cluster, ClusterOptions, Decoder, Encoder } from './shapes.js';

export type * from './shapes.js';

/**
 * The parts of kafkajs below its consumer and producer: connections, metadata, and one method per request. Its consumer
 * loop sets the pace and its producer cannot send a group generation with the offsets; credit and fencing need both.
 * kafkajs 2.2.4 is the last release and is pinned, so these modules do not change.
 */
const require = createRequire(import.meta.url);

const ClusterClass = require('kafkajs/src/cluster') as new (options: object) => Cluster;
const { createLogger } = require('kafkajs/src/loggers') as { createLogger(options: object): object };
const createSocket = (require('kafkajs/src/network/socketFactory') as () => (options: object) => Socket)();

/** Opens connections, also to IPv6 addresses as `aliasOf` writes them. */
export const socketFactory = (wanted: { readonly host: string }): Socket =>
  createSocket({ ...wanted, host: hostOf(wanted.host) });
const EncoderClass = require('kafkajs/src/protocol/encoder') as new (size?: number) => Encoder;
const DecoderClass = require('kafkajs/src/protocol/decoder') as new (data: Buffer) => Decoder;
const protocolErrors = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };

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

/** The requests of one connection. */
interface RequestQueue {
  /** Those that wait, for a throttled connection. */
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}
const { prototype: requestQueue } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
const { scheduleCheckPendingRequests } = requestQueue;
// kafkajs would look for waiting requests every millisecond, on every connection, for as long as it is open.
requestQueue.scheduleCheckPendingRequests = function scheduleIfAnyWait(this: RequestQueue) {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
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
