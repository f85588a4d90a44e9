import type { Loss } from '../losses/loss.js';
import type { ModelConfig } from '../models/config.js';
import type { Adapter } from '../models/lora/lora.js';
import type { Tensors } from '../models/safetensors.js';
import type { SupervisedSample, TrainSample } from './samples.js';
import type { LearnerInput } from './settings.js';

export type { SupervisedSample, TrainSample } from './samples.js';

/**
 * What one step did, with the loss's metrics under their names: means over the trained tokens of all its updates,
 * absent where no token was trained. Samples that the loss can skip are not counted.
 */
export interface StepStats extends Readonly<Record<string, number>> {
  /** Counted from 0. */
  readonly step: number;
  readonly updates: number;
  readonly learningRate: number;
  /** Trained tokens, once per epoch. */
  readonly tokens: number;
  /** Mean over the updates, each before it was made. */
  readonly loss: number;
  /** L2 norm before scaling; mean over the updates. */
  readonly gradientNorm: number;
}

export interface SuperviseStats {
  readonly step: number;
  readonly learningRate: number;
  readonly tokens: number;
  /** Mean cross-entropy of the batch before the update, in nats per token. */
  readonly loss: number;
  readonly gradientNorm: number;
}

/** Trains a model. The same calls in the same order give the same bits. */
export interface Learner {
  /**
   * One step of the loss. Without samples it makes no update, but the schedule moves on.
   * @throws {UserError} `train-sample` before anything has changed
   */
  step(samples: readonly TrainSample[]): Promise<StepStats>;
  /**
   * The gradient of the loss at the present weights, by Hugging Face name, before it is scaled; no weight changes.
   * @throws {UserError} `train-sample`
   */
  gradient(samples: readonly TrainSample[]): Promise<Tensors>;
  /** One update of cross-entropy on texts. */
  supervise(samples: readonly SupervisedSample[]): Promise<SuperviseStats>;
  /** A copy of the weights, by Hugging Face name, those of an adapter included. */
  weights(): Promise<Tensors>;
  /**
   * Writes the weights durably: as a Hugging Face folder, with the other files of the folder that the learner began
   * with, or, where it trains an adapter, as the adapter's folder in PEFT's layout.
   * @returns the SHA-256 of the weights file
   */
  saveModel(folder: string): Promise<string>;
  /** Writes trained parameters, moments, progress and `offsets` (JSON) together, durably. */
  saveCheckpoint(folder: string, offsets: unknown): Promise<void>;
  /**
   * Returns to a checkpoint.
   * @returns the steps it had made and its offsets
   * @throws {UserError} `bad-checkpoint` when it is missing, truncated, altered or another model's; nothing has changed
   * then
   */
  loadCheckpoint(folder: string): Promise<{ readonly step: number; readonly offsets: unknown }>;
  close(): Promise<void>;
}

export type LearnerOptions = {
  readonly settings: LearnerInput;
  /** The clipped policy loss by default. */
  readonly loss?: Loss;
  /** Trains this adapter over the model, which stays as it is, with B zero or as it was left by earlier training. */
  readonly adapter?: LearnedAdapter;
  /** Names of the parameters to train; by default the adapter's or, without one, all. */
  readonly trainable?: readonly string[];
  /** Threads of one operator. The bits do not depend on it. */
  readonly threads: number;
} & LearnerModel;

/** An adapter to train. */
export interface LearnedAdapter extends Adapter {
  /** What a saved adapter names as the model under it. */
  readonly base: string;
}

/** The model to start from. */
export type LearnerModel =
  | { /** A Hugging Face folder. */ readonly folder: string }
  | { readonly config: ModelConfig; readonly parameters: Tensors };
