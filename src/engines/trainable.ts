import type { Loss } from '../losses/loss.js';
import type { ModelConfig } from '../models/config.js';
import type { Tensors } from '../models/safetensors.js';

/** One sequence to train on: the first T of its T + 1 tokens are read, the last T are predicted. */
export interface TrainRow {
  /** Names the row in messages. */
  readonly id?: string;
  readonly tokens: Int32Array;
  /** Above 0. */
  readonly temperature: number;
  /** Each predicted token's share of the mean; 0 for tokens that are not trained. */
  readonly weights: Float32Array;
  /** What the loss reads, by `LossInput`: [T], or [T * k] for `targetTopLogprobs`. */
  readonly inputs: ReadonlyMap<string, Float32Array>;
  /** Tokens that the distillation targets are about; k is the same in all rows of a call. */
  readonly top?: { readonly k: number /** [T * k]. */; readonly ids: Int32Array };
}

/** Sums over trained tokens. */
export interface LossSums {
  /** Tokens of a weight other than 0. */
  readonly tokens: number;
  /** The loss: the sum of weight times value. */
  readonly loss: number;
  /** By name, not weighted. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface AdamWSettings {
  readonly betas: readonly [first: number, second: number];
  readonly eps: number;
  /** Decoupled, on every trainable parameter. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this L2 norm over all trainable parameters. */
  readonly maxGradNorm: number;
}

/** What an engine keeps of each trainable parameter: its value, its gradient and AdamW's two moments. */
export type TrainableState = 'value' | 'gradient' | 'first' | 'second';

/**
 * A loss compiled by an engine for one model: data, so that it can be sent to a thread while the loss's code stays
 * behind.
 */
export interface CompiledLoss<Program = unknown>
  extends Pick<Loss, 'name' | 'id' | 'inputs' | 'readsTop' | 'metrics' | 'needsAdvantage'> {
  readonly program: Program;
}

/**
 * A model whose parameters, gradients and optimizer moments belong to the engine, wherever those are: in memory or on a
 * device. Calls are made one at a time. The same calls in the same order give the same bits where the engine says so.
 */
export interface TrainableModel<Program = unknown> {
  readonly config: ModelConfig;
  /**
   * Shapes of the parameters that are trained, by name. The rest of the model is frozen: it has neither gradient nor
   * moments.
   */
  trainable(): ReadonlyMap<string, readonly number[]>;
  /**
   * Sets the gradients to those of the rows, which the engine may compute in several batches.
   * @returns sums at the present parameters
   */
  differentiate(loss: CompiledLoss<Program>, rows: readonly TrainRow[]): Promise<LossSums>;
  /**
   * One update of AdamW with the gradients as they are.
   * @param count of updates, this one included, for the correction of the moments' bias
   * @returns the gradient's norm before scaling
   * @throws where the norm is not finite; nothing has changed then
   */
  update(settings: AdamWSettings, rate: number, count: number): Promise<number>;
  /** Log-probabilities [T] of each row under the parameters that the model was opened with. */
  reference(rows: readonly TrainRow[]): Promise<ReadonlyMap<TrainRow, Float32Array>>;
  /** State of the trainable parameters, valid until the next call that changes it. */
  read(state: TrainableState): Promise<Tensors>;
  /** Replaces state; names and shapes are those of `trainable()`. */
  write(state: TrainableState, tensors: Tensors): Promise<void>;
  /**
   * All that makes the model, frozen parameters included, valid until the next call that changes it: what a folder is
   * written of.
   */
  weights(): Promise<Tensors>;
  close(): Promise<void>;
}
