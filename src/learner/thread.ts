import { compileCrossEntropy } from '../engines/onnx/compile-loss.js';
import { createOnnxTrainable } from '../engines/onnx/trainable.js';
import { readModelFolder } from '../models/folder.js';
import type { Learner } from './learner.js';
import type { LearnerThreadData } from './thread-data.js';
import { trainModel } from './train-model.js';

/** The learner that its thread runs. */
export function openLearner({ settings, loss, adapter, trainable, threads, model }: LearnerThreadData): Learner {
  const base = 'folder' in model ? readModelFolder(model.folder) : { ...model, files: new Map<string, Uint8Array>() };
  const config = { ...base.config, ...(adapter && { lora: adapter.lora }) };
  const parameters = new Map([...base.parameters, ...(adapter?.parameters ?? [])]);
  const { microTokens } = settings;
  return trainModel(
    createOnnxTrainable({ config, parameters, threads, microTokens, ...(trainable && { trainable }) }),
    {
      settings,
      loss,
      supervised: () => compileCrossEntropy(config, trainable),
      base,
      ...(adapter && { adapter }),
    },
  );
}
