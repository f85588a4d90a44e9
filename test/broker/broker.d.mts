export const CURRENT: string;
export const PREVIOUS: string;
export const FIRST_OF_FOUR: string;

export interface BrokerOptions {
  /** A release of Apache Kafka; `KAFKA_VERSION` or the current one where left out. */
  readonly version?: string;
  readonly brokers?: 1 | 3;
  /** Adds a TLS listener and one that asks for a client certificate. */
  readonly tls?: boolean;
  /**
   * Adds a listener for PLAIN, SCRAM and OAUTHBEARER (user `alice`, password `alice-secret`), over TLS where `tls` is
   * set.
   */
  readonly sasl?: boolean;
  /** Further broker properties. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface Broker {
  readonly version: string;
  /** Plain-text addresses, one a node. */
  readonly brokers: readonly string[];
  readonly listeners: {
    readonly tls: readonly string[];
    readonly mtls: readonly string[];
    readonly sasl: readonly string[];
  };
  /** Paths of PEM files, where `tls` was asked for. */
  readonly files?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Kills node `i` (from 0) as a crash would. */
  kill(i: number): Promise<void>;
  /** Starts node `i` again on its port and data. */
  start(i: number): Promise<void>;
  /** Stops every node in order and starts it again on its port and data. */
  restart(): Promise<void>;
  /** Kills every node and deletes the data. */
  stop(): Promise<void>;
}

/** Why no broker can be had here, in one line; undefined where one can. */
export function brokerMissing(): Promise<string | undefined>;
export function startBroker(options?: BrokerOptions): Promise<Broker>;

/** So many loopback ports that were free a moment ago. */
export function freePorts(count: number): Promise<number[]>;
