// Watches the main thread's requests to its workers: when a call of the model is running, and what publication costs
// the learner.
import { Worker } from 'node:worker_threads';
import { spentBy } from './threads.mjs';

const MODEL = new Set(['step', 'sample', 'score']);
const PUBLICATION = new Set(['saveModel', 'saveCheckpoint']);

const open = new Set();
let since;
let covered = 0;
let publishing = 0;

/**
 * Milliseconds so far during which a call of the model was running, and CPU milliseconds of the learner's publications.
 */
export const calls = () => ({ covered: covered + (open.size > 0 ? performance.now() - since : 0), publishing });

function begin(worker, id, isModel) {
  const key = `${worker.threadId} ${id}`;
  if (isModel && open.size === 0) since = performance.now();
  if (isModel) open.add(key);
  const before = isModel ? 0 : spentBy('learner');
  return () => {
    if (!isModel) publishing += spentBy('learner') - before;
    else if (open.delete(key) && open.size === 0) covered += performance.now() - since;
  };
}

const ends = new WeakMap();
const { postMessage } = Worker.prototype;
Worker.prototype.postMessage = function post(message, ...rest) {
  let ended = ends.get(this);
  if (!ended) {
    ended = new Map();
    ends.set(this, ended);
    this.on('message', (replies) => {
      for (const { id } of [replies].flat()) {
        ended.get(id)?.();
        ended.delete(id);
      }
    });
  }
  // The message that ends a worker is no call.
  for (const { id, message: call = {} } of [message ?? []].flat()) {
    const kind = call.method ?? call.type;
    const isModel = MODEL.has(kind);
    if (isModel || PUBLICATION.has(kind)) ended.set(id, begin(this, id, isModel));
  }
  return postMessage.call(this, message, ...rest);
};
