import { learnerBytes, weightBytes } from '../../engines/onnx/memory.js';
import { parameterShapes } from '../../models/config.js';
import { readConfig } from '../../models/folder.js';
import { UserError } from '../../support/errors.js';
import { learnersOf } from '../spec/learners.js';
import { promptsPerStep } from '../spec/sections.js';
import { adapterSize } from './adapter.js';
import { baseFolder, defaultCores } from './model.js';
import type { Plan } from './plan.js';

/** What a run will take, in bytes: upper bounds from its settings. */
export interface Estimate {
  /** Weights, checkpoints and records at the end of the run. */
  readonly disk: number;
  readonly memory: number;
}

/** A checkpoint has values and two moments. */
const CHECKPOINT = 3;
/** Most bytes of a record: what Node reads from a file, and hashes, at once. */
const RECORD = 2 ** 31 - 1;
/** A prompt's tokens where nothing is known of it. */
const PROMPT_TOKENS = 256;
/** Bytes of a sample in all its topics besides arrays and texts: ids, hashes, evidence. */
const SAMPLE_FIELDS = 3000;
/** Text, ids, log-probabilities, advantages and masks per token, over the topics that repeat them. */
const BYTES_PER_TOKEN = 60;
/** What the program takes before it opens a model. */
const PROGRAM = 300 * 2 ** 20;

/** @throws {UserError} as `readConfig` */
function parametersOf({ spec, folder }: Pick<Plan, 'spec' | 'folder'>): number {
  const shapes = parameterShapes(readConfig(baseFolder(spec, folder)));
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** Parameters that are trained and published: the adapter's, or all. @throws {UserError} as `initialAdapter` */
const trainedOf = (plan: Pick<Plan, 'spec' | 'folder'>): number =>
  adapterSize(plan.spec, plan.folder) ?? parametersOf(plan);

/**
 * Predicts disk and memory of a run that one process makes on the built-in engine; undefined for others.
 * @throws {UserError} as `readConfig`
 */
export function estimate(plan: Pick<Plan, 'spec' | 'folder'>): Estimate | undefined {
  const { spec } = plan;
  const { learn, rollout, steps, publish, flow, evaluate } = spec;
  if (!learn || !rollout || steps === undefined) return undefined;
  const trained = trainedOf(plan);
  const weights = weightBytes(trained);
  const learners = learnersOf(spec).length;
  // The base, the newest, those kept, the teacher's and one that waits for its measurement.
  const versions = Math.min(steps / publish.every + 1, publish.keep + 2 + Math.ceil(flow.maxLag / publish.every) + 2);
  // The one before stays until the next is committed.
  const checkpoints = 2 * CHECKPOINT * weights;
  const samples = steps * promptsPerStep(spec) * rollout.group;
  const records = samples * (SAMPLE_FIELDS + BYTES_PER_TOKEN * (rollout.maxTokens + PROMPT_TOKENS / 2));
  const workers = spec.model.workers ?? defaultCores();
  const loaded = flow.maxLag + 2 + (evaluate.every > 0 ? 1 : 0);
  // With adapters, the model in the learner, and in each worker twice: as it is, and packed for decoding.
  const frozen = spec.model.lora ? weightBytes(parametersOf(plan)) : 0;
  return {
    disk: learners * (versions * weights + checkpoints) + records,
    memory: PROGRAM + learners * (learnerBytes(trained) + frozen) + workers * (loaded * weights + 2 * frozen),
  };
}

/** The estimate as one line, or nothing where there is none. */
export function estimateNotes(plan: Pick<Plan, 'spec' | 'folder'>): string[] {
  if (plan.spec.model.engine !== 'onnx') return [];
  try {
    const found = estimate(plan);
    return found ? [`about ${bytes(found.disk)} of disk at most at the end, and ${bytes(found.memory)} of memory`] : [];
  } catch (error) {
    // The check itself reports what is wrong with the model.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Why checkpoints cannot travel through topics, as one line, or nothing where they can or need not. */
export function checkpointProblems(plan: Pick<Plan, 'spec' | 'folder' | 'store'>): string[] {
  if (plan.store.traits.weights !== 'topics') return [];
  const checkpoint = CHECKPOINT * weightBytes(trainedOf(plan));
  if (checkpoint <= RECORD) return [];
  return [
    `topics: found checkpoints of ${bytes(checkpoint)}, expected at most 2 GiB, which is what one record takes; ` +
      'leave them in a folder that all processes share (on Kafka sharedFolder: true), or train a smaller model',
  ];
}

export function bytes(count: number): string {
  const units = ['MiB', 'GiB', 'TiB', 'PiB'];
  let value = count / 2 ** 20;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
