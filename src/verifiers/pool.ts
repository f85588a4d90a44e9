import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { UserError } from '../support/errors.js';
import { workerUrl } from '../support/worker-url.js';
import { pooledKind } from './registry.js';
import { killTree, meterTree } from './sandbox/tree.js';
import type { Judgement, Question } from './verifier.js';

export interface ToWorker {
  readonly kind: string;
  readonly settings: unknown;
  readonly question: Question;
  /** See `Judge.judge`. */
  readonly where?: string;
}

export type Answer = { readonly judgement: Judgement } | { readonly error: string; readonly code?: string };

/** A worker is sent several items at a time and takes them one by one; what it says is about the first that it has not answered. */
export type FromWorker =
  | { readonly ready: true }
  /** Said where the kind had to be loaded for the item, once it is. */
  | { readonly loaded: true }
  /** A step begins that may take so many CPU seconds. */
  | { readonly step: number }
  /** In the order of the items. */
  | { readonly answers: readonly Answer[] };

/** Processes that judge one item each at a time and can be killed, whatever they are at. */
export interface Pool {
  /** Judges one item. `seconds`: CPU seconds after which its worker is killed and the verdict is `timeout`. */
  run(item: ToWorker, seconds: number, signal?: AbortSignal): Promise<Judgement>;
  /** Workers alive now, and how many were killed or lost so far. */
  readonly state: { readonly alive: number; readonly replaced: number };
  close(): Promise<void>;
}

interface Job {
  readonly item: ToWorker;
  readonly seconds: number;
  readonly signal: AbortSignal | undefined;
  readonly attempts: number;
  /** Its worker ended under it and others, and it may have been the one that did it. */
  readonly alone: boolean;
  resolve(judgement: Judgement): void;
  reject(cause: unknown): void;
}

/** A worker that waits for something other than the processor has this many times its seconds of idle time. */
const IDLE_FACTOR = 3;
const LEAST_TIMER = 20;
/** Most items are judged before the first look at the clocks of their worker's processes, which takes longer than many a verdict. */
const UNMETERED_MS = 50;
const LOAD_SECONDS = 30;
/** Quick items that go to a worker together: a message costs more than to judge one. */
const TOGETHER = 32;

const keyOf = ({ item }: Job) => `${item.kind} ${JSON.stringify(item.settings)}`;

const entry = fileURLToPath(workerUrl('./worker.js', import.meta.url));

/**
 * Opens a pool of worker processes, started as they are needed.
 *
 * The deadline counts the CPU time of the item's own worker, from soon after the item starts: neither the queue nor a busy machine
 * takes of it. A worker that dies under an item (not by its deadline) is replaced and the item tried once more; if that kills
 * the second as well the verdict is `crash`. Where others had been sent with it, those without an answer are first asked again,
 * each alone, so that a verdict never depends on who shares a worker.
 */
export function openPool(size = Math.max(1, Math.min(availableParallelism(), 8))): Pool {
  const queue: Job[] = [];
  const idle: ChildProcess[] = [];
  const workers = new Set<ChildProcess>();
  /** Kinds with their settings that a worker has loaded. */
  const loaded = new WeakMap<ChildProcess, Set<string>>();
  let starting = 0;
  let replaced = 0;
  let closed = false;
  let scheduled = false;

  /** What a worker gets next: of quick items its share among those that are idle. */
  const take = (): Job[] => {
    const share = queue.slice(0, Math.min(TOGETHER, Math.ceil(queue.length / (idle.length + 1))));
    const other = share.findIndex(({ item, alone }) => alone || !pooledKind(item.kind).quick);
    return queue.splice(0, other < 0 ? share.length : Math.max(1, other));
  };

  const next = () => {
    scheduled = false;
    for (let worker = idle.pop(); worker; worker = idle.pop()) {
      const jobs = take();
      if (jobs.length === 0) {
        idle.push(worker);
        break;
      }
      assign(worker, jobs);
    }
    if (queue.length > starting && workers.size < size && !closed) start();
  };

  // A worker at rest does not keep this process from ending, and ends with it.
  function rest(worker: ChildProcess): void {
    worker.unref();
    worker.channel?.unref();
    idle.push(worker);
    next();
  }

  function start(): void {
    const worker = fork(entry, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    workers.add(worker);
    starting += 1;
    let ready = false;
    worker.once('message', () => {
      ready = true;
      starting -= 1;
      rest(worker);
    });
    worker.on('error', () => {}); // Ends in 'exit' as well.
    worker.once('exit', (code, signal) => {
      workers.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
      if (closed) return;
      replaced += 1;
      if (!ready) {
        starting -= 1;
        queue.shift()?.reject(new Error(`a verifier's worker did not start: ${signal ?? `exit status ${code}`}`));
      }
      next();
    });
    next();
  }

  function assign(worker: ChildProcess, jobs: Job[]): void {
    const spent = meterTree(worker.pid ?? 0);
    const several = jobs.length > 1;
    const known = loaded.get(worker) ?? new Set();
    loaded.set(worker, known);
    let seconds = 0;
    let begin: ReturnType<typeof spent> | undefined;
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    const watch = () => {
      const now = spent();
      begin ??= now;
      const idleSeconds = now.idleSeconds - begin.idleSeconds;
      const left = Math.min(seconds - (now.cpuSeconds - begin.cpuSeconds), seconds * IDLE_FACTOR - idleSeconds);
      if (left > 0) {
        timer = setTimeout(watch, Math.max(LEAST_TIMER, left * 1000));
        return;
      }
      late = true;
      killTree(worker.pid);
    };
    /** Starts the deadline of the first item, or of a step of it, anew. */
    const restart = (within?: number) => {
      const [job] = jobs;
      if (!job) return;
      // Loading a kind for the first time is no part of the item.
      seconds = within ?? job.seconds + (known.has(keyOf(job)) ? 0 : LOAD_SECONDS);
      begin = undefined;
      clearTimeout(timer);
      timer = setTimeout(watch, UNMETERED_MS);
    };

    const abort = () => {
      killTree(worker.pid);
    };
    const finish = () => {
      clearTimeout(timer);
      worker.off('message', told);
      worker.off('exit', died);
      for (const { signal } of jobs) signal?.removeEventListener('abort', abort);
    };
    const told = (message: FromWorker) => {
      if ('step' in message) return restart(message.step);
      if ('loaded' in message && jobs[0]) known.add(keyOf(jobs[0]));
      for (const answer of 'answers' in message ? message.answers : []) {
        const job = jobs.shift();
        job?.signal?.removeEventListener('abort', abort);
        if ('judgement' in answer) job?.resolve(answer.judgement);
        else
          job?.reject(answer.code === undefined ? new Error(answer.error) : new UserError(answer.code, answer.error));
      }
      if (jobs.length > 0) return restart();
      finish();
      rest(worker);
    };
    const died = (code: number | null, signal: string | null) => {
      finish();
      const how = signal ?? `exit status ${code}`;
      const again: Job[] = [];
      for (const job of jobs) {
        if (closed || job.signal?.aborted) job.reject(job.signal?.reason ?? new Error('the verifier was closed'));
        else if (several) again.push({ ...job, alone: true });
        else if (late) {
          const reason = `stopped at the deadline of ${seconds} s`;
          job.resolve({ verdict: 'timeout', reward: 0, reason, evidence: {} });
        } else if (job.attempts < 1) again.push({ ...job, attempts: job.attempts + 1 });
        else
          job.resolve({ verdict: 'crash', reward: 0, reason: `judging it ended two workers (${how})`, evidence: {} });
      }
      queue.unshift(...again);
      next();
    };
    worker.on('message', told);
    worker.on('exit', died);
    for (const { signal } of jobs) signal?.addEventListener('abort', abort, { once: true });
    worker.ref();
    worker.channel?.ref();
    restart();
    worker.send(jobs.map(({ item }) => item));
  }

  return {
    run: (item, seconds, signal) =>
      new Promise<Judgement>((resolve, reject) => {
        if (closed) return reject(new Error('the verifier was closed'));
        if (signal?.aborted) return reject(signal.reason);
        queue.push({ item, seconds, signal, attempts: 0, alone: false, resolve, reject });
        // What is asked for in one turn goes together, as soon as it is enough for a message.
        if (queue.length >= TOGETHER) return next();
        if (!scheduled) setImmediate(next);
        scheduled = true;
      }),
    get state() {
      return { alive: workers.size, replaced };
    },
    async close() {
      closed = true;
      for (const job of queue.splice(0)) job.reject(new Error('the verifier was closed'));
      await Promise.all(
        [...workers].map(
          (worker) =>
            new Promise<void>((resolve) => {
              worker.ref();
              worker.once('exit', () => resolve());
              killTree(worker.pid);
            }),
        ),
      );
    },
  };
}
