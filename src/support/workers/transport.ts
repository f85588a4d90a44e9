import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { endWorker } from './end.js';
import type { Call, Reply } from './protocol.js';

export interface WorkerEvents {
  replies(replies: readonly Reply[]): void;
  /** Called once, when the worker has ended. */
  exit(cause: string): void;
}

/** One worker as a pool sees it: a thread or a process. */
export interface Transport<M> {
  /** Undefined for a thread. */
  readonly pid: number | undefined;
  /** @throws when a message cannot be cloned */
  post(calls: readonly Call<M>[]): void;
  /** A worker without work does not keep this process alive. */
  ref(): void;
  unref(): void;
  /** Kills the worker immediately. */
  kill(): void;
  /** Ends the worker and resolves when it has exited. */
  end(): Promise<void>;
}

export type StartWorker<M> = (events: WorkerEvents) => Transport<M>;

/** Workers as threads, which share this process's memory and crash it with them. */
export function threads<M>(url: URL, workerData: unknown): StartWorker<M> {
  return ({ replies, exit }) => {
    const worker = new Worker(url, { workerData });
    let cause: unknown;
    worker.on('message', replies);
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => exit(cause instanceof Error ? cause.message : `exit code ${code}`));
    return {
      pid: undefined,
      post: (calls) => worker.postMessage(calls),
      ref: () => worker.ref(),
      unref: () => worker.unref(),
      kill: () => void worker.terminate(),
      end: () => endWorker(worker),
    };
  };
}

export interface ProcessOptions {
  /** Arguments of the worker's module. */
  readonly arguments?: readonly string[];
  /** Options of Node. Default: none. */
  readonly execArgv?: readonly string[];
  /** Kills a process and its descendants. Default: SIGKILL to the process only. */
  readonly kill?: (pid: number) => void;
}

/** Workers as child processes, which can be killed at any point without affecting other work. */
export function processes<M>(url: URL, options: ProcessOptions = {}): StartWorker<M> {
  const { kill = (pid) => process.kill(pid, 'SIGKILL') } = options;
  return ({ replies, exit }) => {
    const child = fork(fileURLToPath(url), options.arguments, {
      execArgv: [...(options.execArgv ?? [])],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    let gone = false;
    const end = (cause: string): void => {
      if (gone) return;
      gone = true;
      exit(cause);
    };
    child.on('message', replies);
    child.once('exit', (code, signal) => end(signal ?? `exit status ${code}`));
    // A process that was never spawned has no 'exit'.
    child.on('error', (error) => {
      if (child.pid === undefined) end(error.message);
    });
    const killed = (): void => {
      if (!gone && child.pid !== undefined) kill(child.pid);
    };
    return {
      pid: child.pid,
      // If the child has ended, 'exit' reports it.
      post: (calls) => void (child.connected && child.send(calls, () => {})),
      ref() {
        child.ref();
        child.channel?.ref();
      },
      unref() {
        child.unref();
        child.channel?.unref();
      },
      kill: killed,
      end: () =>
        new Promise((resolve) => {
          if (gone) return resolve();
          child.ref();
          child.once('exit', () => resolve());
          killed();
        }),
    };
  };
}
