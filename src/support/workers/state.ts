import type { Deadline, OpenMeter } from './deadline.js';
import type { Call } from './protocol.js';
import type { StartWorker, Transport } from './transport.js';

export interface CallOptions {
  /**
   * Rejects the call with the signal's reason. A process that is working on it is killed; a thread finishes it unheard.
   */
  readonly signal?: AbortSignal | undefined;
  /** Seconds of the worker's time; then it is killed and the call rejects with a `DeadlineError`. */
  readonly seconds?: number;
}

export interface PoolOptions<M> {
  /** `threads(url, workerData)` or `processes(url)`. */
  readonly start: StartWorker<M>;
  readonly size: number;
  /**
   * Work that one worker is given at most, so that the rest goes to whichever is free first. A single call may exceed
   * it.
   */
  readonly capacity: number;
  /** What each new worker is told before anything else, also one that replaces another. */
  readonly setup?: () => readonly M[];
  /** Starts workers as they are needed, instead of all at once. */
  readonly lazy?: boolean;
  /** How the time of a worker's process is measured. Default: by the clock. */
  readonly meter?: (pid: number) => ReturnType<OpenMeter>;
  /** The first call with a key on a worker may take `seconds` longer, until the worker says that it is warm. */
  readonly warmUp?: { readonly key: (message: M) => string; readonly seconds: number };
}

/** A call, from when it is made until it is settled. */
export interface Job<M> {
  readonly message: M;
  readonly cost: number;
  readonly options: CallOptions;
  /** For this member, or whichever takes its place. */
  readonly pinned: boolean;
  /** Workers that ended while this was all they had. */
  crashes: number;
  /**
   * A worker ended under it and others: it gets the next one to itself, so that no call fails for its neighbour's sake.
   */
  alone: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** One worker with the calls that it was given. */
export interface Member<M> {
  transport: Transport<M>;
  readonly jobs: Map<number, Job<M>>;
  readonly unsent: Call<M>[];
  load: number;
  /** Its module has loaded, so that its end is a crash and not a failure to start. */
  ready: boolean;
  readonly warm: Set<string>;
  deadline: Deadline | undefined;
  /** The seconds of the deadline that it was killed at. */
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
