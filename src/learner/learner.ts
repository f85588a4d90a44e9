import { Worker } from 'node:worker_threads';
import type { ModelConfig } from '../models/config.js';
import type { Tensors } from '../models/safetensors.js';
import { endWorker } from '../support/worker-end.js';
import { workerUrl } from '../support/worker-url.js';
import { remote } from './remote.js';
import type { SupervisedSample, TrainSample } from './samples.js';
import { checkSettings, type LearnSettings } from './settings.js';

export type { SupervisedSample, TrainSample } from './samples.js';
export { defaultSettings, type LearnSettings } from './settings.js';

/** What one step did. Means are over the trained tokens of all its updates, samples without any advantage left out. */
export interface StepStats {
  /** Counted from 0. */
  readonly step: number;
  readonly updates: number;
  readonly learningRate: number;
  /** Trained tokens, once for each epoch. */
  readonly tokens: number;
  /** Mean over the updates, each before it was made. */
  readonly loss: number;
  /** L2, before clipping; mean over the updates. */
  readonly gradientNorm: number;
  /** Share of tokens whose ratio was clipped. */
  readonly clipped: number;
  /** Of the probability now to the probability when sampled. */
  readonly meanRatio: number;
  /** k3 estimate against the sampling policy, in nats a token. */
  readonly kl: number;
  /** k3 estimate against the reference policy, in nats a token; 0 where there is none. */
  readonly referenceKl: number;
}

export interface SuperviseStats {
  readonly step: number;
  readonly learningRate: number;
  readonly tokens: number;
  /** Mean cross-entropy of the batch before the update, in nats a token. */
  readonly loss: number;
  readonly gradientNorm: number;
}

/** Trains a model's weights. The same calls in the same order give the same bits. */
export interface Learner {
  /**
   * One step of the policy loss; no samples make no update, but the schedule moves on.
   * @throws {UserError} `train-sample` before anything has changed
   */
  step(samples: readonly TrainSample[]): Promise<StepStats>;
  /**
   * The gradient of the policy loss at the present weights, by Hugging Face name, before it is scaled down to a norm; no weight
   * changes.
   * @throws {UserError} `train-sample`
   */
  gradient(samples: readonly TrainSample[]): Promise<Tensors>;
  /** One update of cross-entropy on texts, for a warm start. */
  supervise(samples: readonly SupervisedSample[]): Promise<SuperviseStats>;
  /** A copy of the weights, by Hugging Face name. */
  weights(): Promise<Tensors>;
  /**
   * Writes the weights as a Hugging Face folder, durably, with the other files of the folder that the learner was made of; gives
   * the SHA-256 of the file of weights.
   */
  saveModel(folder: string): Promise<string>;
  /** Writes weights, moments, position in the schedule and `offsets` (JSON) together, durably. */
  saveCheckpoint(folder: string, offsets: unknown): Promise<void>;
  /**
   * Goes back to a checkpoint; gives the steps it had made and its offsets.
   * @throws {UserError} `bad-checkpoint` when it is missing, truncated, altered or another model's; nothing has changed then
   */
  loadCheckpoint(folder: string): Promise<{ readonly step: number; readonly offsets: unknown }>;
  close(): Promise<void>;
}

export type LearnerOptions = {
  readonly settings: LearnSettings;
  /** Of one operator. The bits do not depend on it. */
  readonly threads: number;
} & (
  | { /** A Hugging Face folder. */ readonly folder: string }
  | { readonly config: ModelConfig; readonly parameters: Tensors }
);

/**
 * A learner in a thread of its own, so that the event loop stays free; it owns weights and moments.
 *
 * @example
 * const learner = await createLearner({ folder: 'models/base', settings: { ...defaultSettings, lr: 3e-4 }, threads: 2 });
 * const { loss } = await learner.step(samples);
 *
 * @throws {UserError} for settings out of range and a model that cannot be read
 */
export async function createLearner(options: LearnerOptions): Promise<Learner> {
  checkSettings(options.settings);
  const worker = new Worker(workerUrl('./worker.js', import.meta.url), { workerData: options });
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
