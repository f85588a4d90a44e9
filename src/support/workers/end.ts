import type { MessagePort, Worker } from 'node:worker_threads';

const END = null;

/**
 * Ends a thread that runs models at its next turn of the event loop. `terminate` may interrupt a model run, and the
 * runtime then throws from native code, which aborts the whole process.
 */
export function endWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.threadId === -1) return resolve(); // It has ended already.
    worker.once('exit', () => resolve());
    worker.ref();
    worker.postMessage(END);
  });
}

/** The thread's side: `handle` receives every message except the one that ends it. */
export function onMessage<M>(port: MessagePort, handle: (message: M) => void): void {
  port.on('message', (message: M | typeof END) => {
    if (message === END) process.exit();
    handle(message);
  });
}
