import { compileOnnxLoss } from '../engines/onnx/compile-loss.js';
import type { Graph } from '../engines/onnx/graph/builder.js';
import type { CompiledLoss } from '../engines/trainable.js';
import { clippedPolicy } from '../losses/clipped-policy.js';
import { readConfig } from '../models/folder.js';
import type { LearnedAdapter, LearnerModel, LearnerOptions } from './learner.js';
import { type LearnerSettings, learnerSettings } from './settings.js';

/** What a learner's thread is started with: data alone. */
export interface LearnerThreadData {
  readonly settings: LearnerSettings;
  readonly loss: CompiledLoss<Graph>;
  readonly adapter?: LearnedAdapter;
  readonly trainable?: readonly string[];
  readonly threads: number;
  readonly model: LearnerModel;
}

/** Checks the settings and compiles the loss, whose code stays behind. */
export function threadData(options: LearnerOptions): LearnerThreadData {
  const { loss = clippedPolicy.create(), adapter, trainable, threads } = options;
  const settings = learnerSettings(options.settings);
  const config = 'folder' in options ? readConfig(options.folder) : options.config;
  return {
    settings,
    loss: compileOnnxLoss({ ...config, ...(adapter && { lora: adapter.lora }) }, loss, trainable),
    ...(adapter && { adapter }),
    ...(trainable && { trainable }),
    threads,
    model: 'folder' in options ? { folder: options.folder } : { config, parameters: options.parameters },
  };
}
