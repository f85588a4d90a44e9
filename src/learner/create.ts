import { createPool } from '../support/workers/pool.js';
import { threads } from '../support/workers/transport.js';
import { workerUrl } from '../support/workers/url.js';
import type { Learner, LearnerOptions } from './learner.js';
import { threadData } from './thread-data.js';

type Method = Exclude<keyof Learner, 'close'>;

/** A call of the learner's thread. The first opens the learner, so that its errors reach the caller. */
export type LearnerCall = { readonly method: 'open' } | { readonly method: Method; readonly args: readonly unknown[] };

/**
 * A learner in a thread of its own, so that the event loop stays free. The loss is compiled here and travels as data.
 *
 * @example
 * const learner = await createLearner({ folder: 'models/base', settings: { lr: 3e-4 }, threads: 2 });
 * const { loss } = await learner.step(samples);
 *
 * @throws {UserError} for settings out of range and a model that cannot be read
 */
export async function createLearner(options: LearnerOptions): Promise<Learner> {
  const pool = createPool<LearnerCall>({
    start: threads(workerUrl('./worker.js', import.meta.url), threadData(options)),
    size: 1,
    // One call after the other.
    capacity: 1,
    stateful: true,
  });
  // The thread's side, in worker.ts, returns what the method does.
  const call = <M extends Method>(method: M, ...args: Parameters<Learner[M]>) =>
    pool.call({ method, args }, 1) as ReturnType<Learner[M]>;
  try {
    await pool.call({ method: 'open' }, 1);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return {
    step: (samples) => call('step', samples),
    gradient: (samples) => call('gradient', samples),
    supervise: (samples) => call('supervise', samples),
    weights: () => call('weights'),
    saveModel: (folder) => call('saveModel', folder),
    saveCheckpoint: (folder, offsets) => call('saveCheckpoint', folder, offsets),
    loadCheckpoint: (folder) => call('loadCheckpoint', folder),
    close: () => pool.close(),
  };
}
