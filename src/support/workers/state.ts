import type { Deadline, OpenMeter } from './deadline.js';
import type { Call } from './protocol.js';
import type { StartWorker, Transport } from './transport.js';

export interface CallOptions {
  /**
   * Rejects the call with the signal's reason. A process working on it is killed; a thread finishes it, and the result
   * is ignored.
   */
  readonly signal?: AbortSignal | undefined;
  /** Seconds of the worker's time; then it is killed and the call rejects with a `DeadlineError`. */
  readonly seconds?: number;
}

export interface PoolOptions<M> {
  /** `threads(url, workerData)` or `processes(url)`. */
  readonly start: StartWorker<M>;
  readonly size: number;
  /** Maximum load of a worker; further calls wait for the first one that is free. A single call may exceed it. */
  readonly capacity: number;
  /** First messages to each new worker, including replacements. */
  readonly setup?: () => readonly M[];
  /** A worker that ends takes its state with it, so none replaces it: the pool ends, and open calls reject. */
  readonly stateful?: boolean;
  /** Starts workers on demand instead of all at once. */
  readonly lazy?: boolean;
  /** How the time of a worker's process is measured. Default: by the clock. */
  readonly meter?: (pid: number) => ReturnType<OpenMeter>;
  /** The first call with a key on a worker may take `seconds` longer, until the worker reports that it is warm. */
  readonly warmUp?: { readonly key: (message: M) => string; readonly seconds: number };
}

/** A call, from when it is made until it is settled. */
export interface Job<M> {
  readonly message: M;
  readonly cost: number;
  readonly options: CallOptions;
  /** For this member, or its replacement. */
  readonly pinned: boolean;
  /** Number of workers that ended while this was their only call. */
  crashes: number;
  /** A worker ended with it and others open: retry it alone, so that no call fails because of another. */
  alone: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A worker with its open calls. */
export interface Member<M> {
  transport: Transport<M>;
  readonly jobs: Map<number, Job<M>>;
  readonly unsent: Call<M>[];
  load: number;
  /** Its module has loaded, so that its end is a crash and not a failure to start. */
  ready: boolean;
  readonly warm: Set<string>;
  deadline: Deadline | undefined;
  /** Seconds of the deadline that killed it. */
  killedAt: number | undefined;
}

export interface PoolState<M> {
  readonly options: PoolOptions<M>;
  readonly queue: Job<M>[];
  readonly members: Set<Member<M>>;
  nextId: number;
  scheduled: boolean;
  replaced: number;
  ended: Error | undefined;
}
