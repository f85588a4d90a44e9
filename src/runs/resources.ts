import { join } from 'node:path';
import type { Policy } from '../engines/policy.js';
import { openEngineLearner } from '../learner/engine-learner.js';
import type { Learner } from '../learner/learner.js';
import { trainingLoss } from '../losses/index.js';
import { defaultCores, engineOf, modelOptions } from '../pipelines/model.js';
import type { Plan } from '../pipelines/plan.js';

export async function openPolicy(plan: Plan): Promise<Policy> {
  return (await engineOf(plan)).openPolicy(modelOptions(plan));
}

export async function openLearner(plan: Plan): Promise<Learner> {
  const { spec, method } = plan;
  const { threads = defaultCores(), prompts: _, clip, kl, ...settings } = spec.learn;
  const { folder, device } = modelOptions(plan);
  return openEngineLearner(await engineOf(plan), {
    folder,
    device,
    threads,
    settings: { ...settings, totalSteps: spec.steps },
    loss: trainingLoss(method.loss, { clip, kl }),
  });
}

/** Opens the learner of a plan: the object that it was given, which stays open, or the one that the spec describes. */
export function learnerOpener(plan: Plan): () => Promise<Learner> {
  const { learner } = plan.components;
  if (learner === undefined) return () => openLearner(plan);
  return typeof learner === 'function' ? learner : async () => ({ ...learner, close: async () => {} });
}

/** Vectors of the passages that a run searches by an embedding model; as privileged as the passages. */
export const vectorFolder = (run: string): string => join(run, 'vectors');
