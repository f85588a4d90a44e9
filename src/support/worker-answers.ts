import type { MessagePort } from 'node:worker_threads';
import { UserError } from './errors.js';
import { onMessage } from './worker-end.js';
import { type Call, READY, type Reply } from './worker-pool.js';

/** The worker's side of a pool: answers calls, those that are done in one turn in one message. Errors keep their code. */
export function answerCalls<M>(port: MessagePort, handle: (message: M) => unknown): void {
  const done: Reply[] = [];
  const answer = (reply: Reply) => {
    if (done.push(reply) === 1) setImmediate(() => port.postMessage(done.splice(0)));
  };
  const work = async ({ id, message }: Call<M>) => {
    try {
      answer({ id, result: await handle(message) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      answer({ id, error: error instanceof UserError ? { message: text, code: error.code } : { message: text } });
    }
  };
  onMessage(port, (calls: readonly Call<M>[]) => {
    for (const call of calls) void work(call);
  });
  port.postMessage(READY);
}
