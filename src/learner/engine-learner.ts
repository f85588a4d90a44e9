import type { Engine, TrainableOptions } from '../engines/engine.js';
import { clippedPolicy } from '../losses/clipped-policy.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import { readModelFolder } from '../models/folder.js';
import { createLearner } from './create.js';
import type { Learner, LearnerOptions } from './learner.js';
import { learnerSettings } from './settings.js';
import { trainModel } from './train-model.js';

export type EngineLearnerOptions = Extract<LearnerOptions, { folder: string }> & Pick<TrainableOptions, 'device'>;

/** An engine that brings a whole learner of its own, such as a trainer on another machine. */
export interface SelfTrainingEngine extends Engine {
  readonly openLearner: (options: EngineLearnerOptions) => Promise<Learner>;
}

const trainsItself = (engine: Engine): engine is SelfTrainingEngine =>
  'openLearner' in engine && typeof engine.openLearner === 'function';

/**
 * The learner of an engine: its own where it brings one, otherwise this library's over the engine's trainable model,
 * and ONNX in a thread where it has neither.
 * @throws {UserError} for settings out of range and a model that cannot be read
 */
export async function openEngineLearner(engine: Engine, options: EngineLearnerOptions): Promise<Learner> {
  if (trainsItself(engine)) return engine.openLearner(options);
  if (!engine.openTrainable) return createLearner(options);
  const { device, folder, loss = clippedPolicy.create(), threads, adapter, trainable } = options;
  const settings = learnerSettings(options.settings);
  const { microTokens } = settings;
  const { model, compile } = await engine.openTrainable({
    folder,
    device,
    threads,
    microTokens,
    ...(adapter && { adapter }),
    ...(trainable && { trainable }),
  });
  const { files, dtypes } = readModelFolder(folder);
  return trainModel(model, {
    settings,
    loss: compile(loss),
    supervised: () => compile(crossEntropy.create()),
    base: { files, ...(dtypes && { dtypes }) },
    ...(adapter && { adapter }),
  });
}
