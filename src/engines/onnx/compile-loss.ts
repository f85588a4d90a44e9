import { crossEntropy } from '../../losses/cross-entropy.js';
import type { Loss } from '../../losses/loss.js';
import type { AdaptedConfig } from '../../models/lora/lora.js';
import type { CompiledLoss } from '../trainable.js';
import type { Graph } from './graph/builder.js';
import { trainingGraph } from './graph/train.js';

/** Compiles a loss for `createOnnxTrainable` with the same `config` and `trainable`. It needs no runtime. */
export function compileOnnxLoss(config: AdaptedConfig, loss: Loss, trainable?: readonly string[]): CompiledLoss<Graph> {
  const { name, id, inputs, readsTop, metrics, needsAdvantage } = loss;
  return { name, id, inputs, readsTop, metrics, needsAdvantage, program: trainingGraph(config, loss, trainable) };
}

/** Cross-entropy, which a learner's thread compiles itself: the code is the library's own. */
export const compileCrossEntropy = (config: AdaptedConfig, trainable?: readonly string[]): CompiledLoss<Graph> =>
  compileOnnxLoss(config, crossEntropy.create(), trainable);
