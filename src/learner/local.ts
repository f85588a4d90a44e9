import type { Learner, LearnerOptions } from './learner.js';
import { openLearner } from './thread.js';
import { threadData } from './thread-data.js';

/** A learner on the calling thread, which blocks while it works; `createLearner` gives it a thread of its own. */
export function createLocalLearner(options: LearnerOptions): Learner {
  return openLearner(threadData(options));
}
