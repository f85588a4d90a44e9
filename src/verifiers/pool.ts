import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';
import { workerUrl } from '../worker-url.js';
import { killTree, meterTree } from './sandbox/tree.js';
import type { Judgement, Question } from './verifier.js';

export interface ToWorker {
  readonly kind: string;
  readonly settings: unknown;
  readonly question: Question;
  /** See `Judge.judge`. */
  readonly where?: string;
}

export type FromWorker =
  | { readonly ready: true }
  /** Said where the kind had to be loaded for the item, once it is. */
  | { readonly loaded: true }
  /** A step begins that may take so many CPU seconds. */
  | { readonly step: number }
  | { readonly judgement: Judgement }
  | { readonly error: string; readonly code?: string };

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
  attempts: number;
  resolve(judgement: Judgement): void;
  reject(cause: unknown): void;
}

/** A worker that waits for something other than the processor has this many times its seconds of idle time. */
const IDLE_FACTOR = 3;
const LEAST_TIMER = 20;
/** Most items are judged before the first look at the clocks of their worker's processes, which takes longer than many a verdict. */
const UNMETERED_MS = 50;
const LOAD_SECONDS = 30;

const entry = fileURLToPath(workerUrl('./worker.js', import.meta.url));

/**
 * Opens a pool of worker processes, started as they are needed.
 *
 * The deadline counts the CPU time of the item's own worker, from soon after the item starts: neither the queue nor a busy machine
 * takes of it. A worker that dies under an item (not by its deadline) is replaced and the item tried once more; if that kills
 * the second as well the verdict is `crash`.
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

  const next = () => {
    while (queue.length > 0 && idle.length > 0) {
      const worker = idle.pop();
      const job = queue.shift();
      if (worker && job) assign(worker, job);
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

  function assign(worker: ChildProcess, job: Job): void {
    const spent = meterTree(worker.pid ?? 0);
    const key = `${job.item.kind} ${JSON.stringify(job.item.settings)}`;
    const known = loaded.get(worker) ?? new Set();
    loaded.set(worker, known);
    // Loading a kind for the first time is no part of the item.
    let seconds = job.seconds + (known.has(key) ? 0 : LOAD_SECONDS);
    let begin: ReturnType<typeof spent> | undefined;
    let timer: NodeJS.Timeout;
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
    timer = setTimeout(watch, UNMETERED_MS);

    const finish = () => {
      clearTimeout(timer);
      worker.off('message', answered);
      worker.off('exit', died);
      job.signal?.removeEventListener('abort', abort);
    };
    const answered = (message: FromWorker) => {
      if ('loaded' in message || 'step' in message) {
        if ('loaded' in message) known.add(key);
        begin = undefined;
        seconds = 'step' in message ? message.step : job.seconds;
        clearTimeout(timer);
        timer = setTimeout(watch, UNMETERED_MS);
        return;
      }
      finish();
      if ('judgement' in message) job.resolve(message.judgement);
      else if ('error' in message) {
        job.reject(message.code === undefined ? new Error(message.error) : new UserError(message.code, message.error));
      }
      rest(worker);
    };
    const died = (code: number | null, signal: string | null) => {
      finish();
      const how = signal ?? `exit status ${code}`;
      if (late) {
        job.resolve({
          verdict: 'timeout',
          reward: 0,
          reason: `stopped at the deadline of ${seconds} s`,
          evidence: {},
        });
      } else if (closed || job.signal?.aborted) {
        job.reject(job.signal?.reason ?? new Error('the verifier was closed'));
      } else if (job.attempts < 1) {
        job.attempts += 1;
        queue.unshift(job);
        next();
      } else {
        job.resolve({ verdict: 'crash', reward: 0, reason: `judging it ended two workers (${how})`, evidence: {} });
      }
    };
    const abort = () => {
      killTree(worker.pid);
    };
    worker.on('message', answered);
    worker.on('exit', died);
    job.signal?.addEventListener('abort', abort, { once: true });
    worker.ref();
    worker.channel?.ref();
    worker.send(job.item);
  }

  return {
    run: (item, seconds, signal) =>
      new Promise<Judgement>((resolve, reject) => {
        if (closed) return reject(new Error('the verifier was closed'));
        if (signal?.aborted) return reject(signal.reason);
        queue.push({ item, seconds, signal, attempts: 0, resolve, reject });
        next();
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
