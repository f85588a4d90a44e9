import { Worker } from 'node:worker_threads';
import { UserError } from './errors.js';
import { endWorker } from './worker-end.js';

/** A worker is sent several at a time; it answers each with a `Reply` of the same id, several at a time. */
export interface Call<M> {
  readonly id: number;
  readonly message: M;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: string } };

/** What a worker posts once its module has loaded; a thread that ends before could not start at all. */
export const READY = [{ id: -1, result: undefined }] satisfies Reply[];

export interface Pool<M> {
  /** Sends to the least loaded worker, in order of arrival. `cost` is in the unit of `PoolOptions.capacity`. */
  call(message: M, cost: number): Promise<unknown>;
  /** Sends to every worker and waits for all. */
  broadcast(message: M): Promise<void>;
  /** Ends all workers; what is under way rejects. */
  close(): Promise<void>;
}

export interface PoolOptions<M> {
  readonly url: URL;
  readonly size: number;
  readonly workerData: unknown;
  /** A worker holds at most this much work, so that the rest goes to whoever is free first. One call may exceed it alone. */
  readonly capacity: number;
  /** What a worker that takes the place of a crashed one is told before anything else. */
  readonly setup: () => readonly M[];
}

interface Job<M> {
  readonly message: M;
  readonly cost: number;
  crashes: number;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Member<M> {
  worker: Worker;
  readonly jobs: Map<number, Job<M>>;
  readonly unsent: Call<M>[];
  load: number;
  /** Its module has loaded, so that its end is a crash and not a failure to start. */
  ready: boolean;
}

/** Calls that go to a worker without waiting for others. */
const TOGETHER = 16;

/**
 * A fixed number of worker threads. A worker that crashes is replaced and what it held is sent once more, to the replacement;
 * the second crash of a call rejects it. A worker that cannot even start ends the pool.
 */
export function createPool<M>({ url, size, workerData, capacity, setup }: PoolOptions<M>): Pool<M> {
  const queue: Job<M>[] = [];
  const members: Member<M>[] = [];
  let nextId = 0;
  let ended: Error | undefined;

  const watch = (member: Member<M>): void => {
    const { worker } = member;
    let cause: unknown;
    worker.on('message', (replies: readonly Reply[]) => {
      member.ready = true;
      for (const reply of replies) settle(member, reply);
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      if (!ended) replace(member, cause instanceof Error ? cause.message : `exit code ${code}`);
    });
  };

  const send = (member: Member<M>, job: Job<M>): void => {
    const id = nextId++;
    member.jobs.set(id, job);
    member.load += job.cost;
    // Waking a thread costs more than a message: what is sent in one turn goes together, as soon as it is worth a wake-up.
    const unsent = member.unsent.push({ id, message: job.message });
    if (unsent === TOGETHER) post(member);
    else if (unsent === 1) setImmediate(post, member);
  };

  const post = (member: Member<M>): void => {
    const calls = member.unsent.splice(0);
    try {
      if (calls.length > 0) member.worker.postMessage(calls);
    } catch (error) {
      // One of them holds what cannot be sent to another thread.
      for (const { id } of calls) settle(member, { id, error: { message: (error as Error).message } });
    }
  };

  const settle = (member: Member<M>, reply: Reply): void => {
    const job = member.jobs.get(reply.id);
    if (!job) return;
    member.jobs.delete(reply.id);
    member.load -= job.cost;
    if ('result' in reply) job.resolve(reply.result);
    else {
      const { code, message } = reply.error;
      job.reject(code === undefined ? new Error(message) : new UserError(code, message));
    }
    dispatch();
  };

  const replace = (member: Member<M>, cause: string): void => {
    const held = [...member.jobs.values()];
    member.jobs.clear();
    member.unsent.length = 0;
    member.load = 0;
    if (!member.ready) {
      end(new Error(`a worker could not start: ${cause}`), held);
      return;
    }
    member.worker = new Worker(url, { workerData });
    member.ready = false;
    watch(member);
    for (const message of setup())
      send(member, {
        message,
        cost: 0,
        crashes: 1,
        resolve: () => {},
        reject: (error) => end(new Error(`a worker crashed and could not be replaced: ${error.message}`), []),
      });
    for (const job of held) {
      if (job.crashes++ === 0) send(member, job);
      else job.reject(new Error(`the worker crashed twice on this request: ${cause}`));
    }
    dispatch();
  };

  const end = (error: Error, held: readonly Job<M>[]): void => {
    ended ??= error;
    const jobs = [...held, ...members.flatMap((member) => [...member.jobs.values()]), ...queue.splice(0)];
    for (const member of members) member.jobs.clear();
    for (const job of jobs) job.reject(ended);
  };

  const dispatch = (): void => {
    for (let job = queue[0]; job; job = queue[0]) {
      const member = members.reduce((least, other) => (other.load < least.load ? other : least));
      if (member.load > 0 && member.load + job.cost > capacity) return;
      queue.shift();
      send(member, job);
    }
  };

  const promised = (message: M, cost: number, place: (job: Job<M>) => void): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended) reject(ended);
      else place({ message, cost, crashes: 0, resolve, reject });
    });

  for (let i = 0; i < size; i++) {
    const member: Member<M> = {
      worker: new Worker(url, { workerData }),
      jobs: new Map(),
      unsent: [],
      load: 0,
      ready: false,
    };
    watch(member);
    members.push(member);
  }
  return {
    call: (message, cost) =>
      promised(message, cost, (job) => {
        queue.push(job);
        dispatch();
      }),
    async broadcast(message) {
      await Promise.all(members.map((member) => promised(message, 0, (job) => send(member, job))));
    },
    async close() {
      end(new Error('the workers were closed'), []);
      await Promise.all(members.map((member) => endWorker(member.worker)));
    },
  };
}
