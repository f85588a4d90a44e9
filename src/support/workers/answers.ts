import { type MessagePort, Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import { onMessage } from './end.js';
import { type Call, type Failure, READY, type Reply } from './protocol.js';

const failureOf = (error: unknown): Failure => {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof UserError ? { message, code: error.code } : { message };
};

/**
 * The worker's side of a pool of threads. Handles calls concurrently; one message answers all that finish in a turn.
 * Errors keep their code.
 */
export function answerCalls<M>(port: MessagePort, handle: (message: M) => unknown): void {
  const done: Reply[] = [];
  const answer = (reply: Reply) => {
    if (done.push(reply) === 1) setImmediate(() => port.postMessage(done.splice(0)));
  };
  const work = async ({ id, message }: Call<M>) => {
    try {
      answer({ id, result: await handle(message) });
    } catch (error) {
      answer({ id, error: failureOf(error) });
    }
  };
  onMessage(port, (calls: readonly Call<M>[]) => {
    for (const call of calls) void work(call);
  });
  port.postMessage(READY);
}

/** Lets a call adjust its deadline. */
export interface CallProgress {
  /** Starts a phase that may take this many seconds. */
  within(seconds: number): void;
  /** One-time loading is done. */
  warm(): void;
}

/** An answer waits at most this long for those of later calls, plus the time that the next call blocks the thread. */
const FLUSH_MS = 5;

/**
 * The worker's side of a pool of processes. Handles calls one by one, in order. The process ends with its parent, even
 * if that is killed.
 */
export function answerInTurn<M>(handle: (message: M, progress: CallProgress) => unknown): void {
  let replies: Reply[] = [];
  let flushed = performance.now();
  const flush = () => {
    flushed = performance.now();
    if (replies.length > 0) process.send?.(replies);
    replies = [];
  };
  const work = async ({ id, message }: Call<M>) => {
    const say = (reply: Reply) => {
      replies.push(reply);
      flush();
    };
    const progress: CallProgress = {
      within: (seconds) => say({ id, within: seconds }),
      warm: () => say({ id, warm: true }),
    };
    try {
      // Awaited first: a flush in between replaces the list.
      const result = await handle(message, progress);
      replies.push({ id, result });
    } catch (error) {
      replies.push({ id, error: failureOf(error) });
    }
    if (performance.now() - flushed >= FLUSH_MS) flush();
  };
  let last: Promise<void> = Promise.resolve();
  process.on('message', (calls: readonly Call<M>[]) => {
    last = last.then(async () => {
      flushed = performance.now();
      for (const call of calls) await work(call);
      flush();
    });
  });
  endWithParent();
  process.send?.(READY);
}

/** A parent that closes or exits disconnects. While a call blocks this thread, only another thread can notice. */
function endWithParent(): void {
  process.on('disconnect', () => process.exit());
  const watch = `const parent = ${process.ppid};
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`;
  new Worker(watch, { eval: true, stdin: false }).unref();
}
