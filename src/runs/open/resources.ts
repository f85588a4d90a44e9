import { join } from 'node:path';
import type { Policy } from '../../engines/policy.js';
import { openEngineLearner } from '../../learner/engine-learner.js';
import type { Learner } from '../../learner/learner.js';
import { optimizationSettings } from '../../learner/settings.js';
import { initialAdapter } from '../../pipelines/plan/adapter.js';
import { learnLoss } from '../../pipelines/plan/learn-loss.js';
import { defaultCores, engineOf, modelOptions } from '../../pipelines/plan/model.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import { learnOf, stepsOf } from '../../pipelines/spec/sections.js';

/** @param date the day that a chat template prints */
export async function openPolicy(plan: Plan, date: () => string): Promise<Policy> {
  return (await engineOf(plan)).openPolicy({ ...modelOptions(plan), date });
}

/** A learner that starts from the base model, with the initial adapter where one is trained, and the plan's loss. */
export async function openLearner(plan: Plan): Promise<Learner> {
  const { extended } = plan.spec;
  const [learn, steps] = [learnOf(plan.spec), stepsOf(plan.spec)];
  const { folder, device } = modelOptions(plan);
  const adapter = initialAdapter(plan.spec, plan.folder);
  return openEngineLearner(await engineOf(plan), {
    folder,
    device,
    threads: learn.threads ?? defaultCores(),
    settings: { ...optimizationSettings(learn), totalSteps: steps, ...(extended && { extended }) },
    loss: await learnLoss(plan),
    ...(adapter && { adapter }),
  });
}

/** Opens the learner of a plan: the given object, which stays open afterwards, or the one that the spec describes. */
export function learnerOpener(plan: Plan): () => Promise<Learner> {
  const { learner } = plan.components;
  if (learner === undefined) return () => openLearner(plan);
  return typeof learner === 'function' ? learner : async () => ({ ...learner, close: async () => {} });
}

/** Vectors of the passages that a run searches by an embedding model; as privileged as the passages. */
export const vectorFolder = (run: string): string => join(run, 'vectors');
