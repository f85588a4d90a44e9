import { parentPort, workerData } from 'node:worker_threads';
import { onMessage } from '../support/workers/end.js';
import type { Learner } from './learner.js';
import { failureOf, type Reply, type Request } from './remote.js';
import { openLearner } from './thread.js';

type Answer = (...args: readonly unknown[]) => Promise<unknown>;

let learner: Learner | undefined;
let last: Promise<void> = Promise.resolve();

async function answer({ id, method, args }: Request): Promise<Reply> {
  try {
    learner ??= openLearner(workerData);
    const result = method === 'ready' ? undefined : await (learner[method] as Answer)(...args);
    return { id, result };
  } catch (error) {
    return { id, failure: failureOf(error) };
  }
}

const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');
onMessage(port, (request: Request) => {
  last = last.then(async () => port.postMessage(await answer(request)));
});
