import type { Worker } from 'node:worker_threads';
import { UserError } from '../support/errors.js';

/** Methods of a learner that its thread answers; `ready` resolves once the model is read. */
export type Method =
  | 'ready'
  | 'step'
  | 'gradient'
  | 'supervise'
  | 'weights'
  | 'saveModel'
  | 'saveCheckpoint'
  | 'loadCheckpoint';

export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** Errors cross as plain data and keep their code. */
export type Reply = { readonly id: number } & (
  | { readonly result: unknown }
  | { readonly failure: { readonly message: string; readonly code?: string; readonly stack?: string } }
);

export function failureOf(error: unknown): { message: string; code?: string; stack?: string } {
  if (error instanceof UserError) return { message: error.message, code: error.code };
  if (!(error instanceof Error)) return { message: String(error) };
  return { message: error.message, ...(error.stack !== undefined && { stack: error.stack }) };
}

function errorOf({ message, code, stack }: ReturnType<typeof failureOf>): Error {
  if (code !== undefined) return new UserError(code, message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Calls methods of the learner in `worker`, in order. Calls reject when the thread ends before it answers. */
export function remote(worker: Worker): <T>(method: Method, args: readonly unknown[]) => Promise<T> {
  const open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let next = 0;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of open.values()) reject(ended);
    open.clear();
  };
  worker.on('message', (reply: Reply) => {
    const call = open.get(reply.id);
    open.delete(reply.id);
    if (open.size === 0) worker.unref();
    if ('failure' in reply) call?.reject(errorOf(reply.failure));
    else call?.resolve(reply.result as never);
  });
  worker.on('error', end);
  worker.on('exit', () => end(new Error("the learner's thread has ended")));
  worker.unref();
  return (method, args) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      const id = next++;
      open.set(id, { resolve, reject });
      // An idle learner does not keep the process alive.
      worker.ref();
      worker.postMessage({ id, method, args } satisfies Request);
    });
}
