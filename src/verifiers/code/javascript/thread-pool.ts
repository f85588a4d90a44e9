import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../../support/workers/url.js';
import type { Limits } from '../../sandbox/limits.js';
import type { Outcome } from '../outcome.js';
import type { FromThread } from './messages.js';

const POLL_MILLISECONDS = 20;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

let idle: Worker | undefined;

/** A thread that runs scripts: the last one that was closed intact, or a new one. */
export async function openThread(): Promise<Worker> {
  const ready = idle;
  idle = undefined;
  if (ready) {
    ready.ref();
    return ready;
  }
  const thread = new Worker(workerUrl('./thread.js', import.meta.url), { env: {}, execArgv: [] });
  await new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  return thread;
}

/** Keeps a thread for the next script, or ends it. */
export async function closeThread(thread: Worker, ended: boolean): Promise<void> {
  if (ended || idle) {
    await thread.terminate();
    return;
  }
  thread.unref();
  idle = thread;
}

export interface Watch {
  /** Resolves if the thread uses up its seconds or dies. */
  readonly mishap: Promise<Outcome>;
  renew(): void;
  stop(): void;
}

/** Listens to a thread and limits its CPU time. */
export function watchThread(thread: Worker, { seconds }: Limits, hear: (said: FromThread) => void): Watch {
  let start = cpuSeconds();
  let poll: NodeJS.Timeout | undefined;
  const mishap = new Promise<Outcome>((resolve) => {
    thread.on('message', hear);
    thread.on('error', (cause: Error & { code?: string }) => {
      const memory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
      resolve({ outcome: memory ? 'memory' : 'crash', detail: 'the engine gave way' });
    });
    poll = setInterval(() => {
      if (cpuSeconds() - start > seconds) resolve({ outcome: 'timeout', detail: 'stopped at its time limit' });
    }, POLL_MILLISECONDS);
  });
  return {
    mishap,
    renew: () => {
      start = cpuSeconds();
    },
    stop: () => {
      clearInterval(poll);
      thread.removeAllListeners('message').removeAllListeners('error');
    },
  };
}
