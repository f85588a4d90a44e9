import { addMember, end, enqueue, promised, send } from './schedule.js';
import type { CallOptions, PoolOptions, PoolState } from './state.js';

export { CrashError, DeadlineError } from './errors.js';
export type { CallOptions, PoolOptions } from './state.js';

export interface Pool<M> {
  /** Sends to the least loaded worker, in order of arrival. `cost` is in the unit of `PoolOptions.capacity`. */
  call(message: M, cost: number, options?: CallOptions): Promise<unknown>;
  /** Sends to every running worker and waits for all. */
  broadcast(message: M): Promise<void>;
  /** Workers alive now, and how many ended unexpectedly or were killed so far. */
  readonly state: { readonly alive: number; readonly replaced: number };
  /** Ends all workers and rejects open calls. */
  close(): Promise<void>;
}

/**
 * A pool of workers, threads or processes. Start it with `threads(url, workerData)` for code that shares memory and
 * never hangs, or with `processes(url, { kill })` for code that may have to be killed. The worker's module ends with
 * `answerCalls` (concurrent, threads) or `answerInTurn` (one by one, processes).
 *
 * A call goes to the least loaded worker with capacity: `cost` 1 lets calls share a worker, `cost: capacity` gives a
 * call its own. With `seconds` a call has a deadline, measured by `meter` while it is its worker's oldest open call.
 *
 * A worker that ends unexpectedly is replaced, gets `setup`, and its calls are retried: several one at a time, a single
 * one once, after which it rejects with a `CrashError`. A worker that cannot start, or whose state nothing can restore
 * (`stateful`), ends the pool; one that cannot start lazily rejects one waiting call.
 * @example
 * const start = threads(workerUrl('./worker.js', import.meta.url), model);
 * const pool = createPool<string>({ start, size: 4, capacity: 16 });
 * const vector = await pool.call('some text', 1);
 */
export function createPool<M>(options: PoolOptions<M>): Pool<M> {
  const state: PoolState<M> = {
    options,
    queue: [],
    members: new Set(),
    nextId: 0,
    scheduled: false,
    replaced: 0,
    ended: undefined,
  };
  if (!options.lazy) for (let i = 0; i < options.size; i++) addMember(state);
  return {
    call: (message, cost, callOptions = {}) =>
      promised(state, { message, cost, options: callOptions, pinned: false }, enqueue),
    async broadcast(message) {
      const job = { message, cost: 0, options: {}, pinned: true };
      await Promise.all([...state.members].map((member) => promised(state, job, (_, one) => send(state, member, one))));
    },
    get state() {
      return { alive: state.members.size, replaced: state.replaced };
    },
    async close() {
      end(state, new Error('the workers were closed'));
      await Promise.all([...state.members].map(({ transport }) => transport.end()));
    },
  };
}
