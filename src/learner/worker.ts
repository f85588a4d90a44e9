import { parentPort, workerData } from 'node:worker_threads';
import { answerCalls } from '../support/workers/answers.js';
import type { LearnerCall } from './create.js';
import type { Learner } from './learner.js';
import { openLearner } from './thread.js';

const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');

type Answer = (...args: readonly unknown[]) => Promise<unknown>;

let learner: Learner | undefined;
answerCalls(port, (call: LearnerCall): unknown => {
  learner ??= openLearner(workerData);
  return call.method === 'open' ? undefined : (learner[call.method] as Answer)(...call.args);
});
