import { cpus } from 'node:os';
import { join } from 'node:path';
import { createOnnxPolicy } from '../engines/onnx/policy.js';
import type { Policy } from '../engines/policy.js';
import { createLearner } from '../learner/create.js';
import type { Learner } from '../learner/learner.js';
import { clippedPolicy, trainingLoss } from '../losses/index.js';
import { baseFolder } from '../pipelines/model.js';
import type { Plan } from '../pipelines/plan.js';
import type { PipelineSpec } from '../pipelines/spec.js';
import { constantLearner, constantPolicy, isConstant } from './constant-model.js';

/** Cores to use where the spec does not say. */
const cores = (): number => Math.min(8, Math.max(1, cpus().length));

export async function openPolicy(spec: PipelineSpec, folder: string): Promise<Policy> {
  if (isConstant()) return constantPolicy();
  return createOnnxPolicy({
    folder: baseFolder(spec, folder),
    workers: spec.model.workers ?? cores(),
    device: spec.model.device,
  });
}

export async function openLearner(spec: PipelineSpec, folder: string): Promise<Learner> {
  if (isConstant()) return constantLearner(baseFolder(spec, folder));
  const { threads, prompts: _, clip, kl, ...settings } = spec.learn;
  return createLearner({
    folder: baseFolder(spec, folder),
    threads: threads ?? cores(),
    settings: { ...settings, totalSteps: spec.steps },
    loss: trainingLoss(clippedPolicy.create(), { clip, kl }),
  });
}

/** Opens the learner of a plan: the object that it was given, which stays open, or the one that the spec describes. */
export function learnerOpener({ spec, folder, components: { learner } }: Plan): () => Promise<Learner> {
  if (learner === undefined) return () => openLearner(spec, folder);
  return typeof learner === 'function' ? learner : async () => ({ ...learner, close: async () => {} });
}

/** Vectors of the passages that a run searches by an embedding model; as privileged as the passages. */
export const vectorFolder = (run: string): string => join(run, 'vectors');
