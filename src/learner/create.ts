import { Worker } from 'node:worker_threads';
import { endWorker } from '../support/workers/end.js';
import { workerUrl } from '../support/workers/url.js';
import type { Learner, LearnerOptions } from './learner.js';
import { remote } from './remote.js';
import { threadData } from './thread-data.js';

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
  const worker = new Worker(workerUrl('./worker.js', import.meta.url), { workerData: threadData(options) });
  const call = remote(worker);
  await call('ready', []).catch(async (error) => {
    await endWorker(worker);
    throw error;
  });
  return {
    step: (samples) => call('step', [samples]),
    gradient: (samples) => call('gradient', [samples]),
    supervise: (samples) => call('supervise', [samples]),
    weights: () => call('weights', []),
    saveModel: (folder) => call('saveModel', [folder]),
    saveCheckpoint: (folder, offsets) => call('saveCheckpoint', [folder, offsets]),
    loadCheckpoint: (folder) => call('loadCheckpoint', [folder]),
    close: () => endWorker(worker),
  };
}
