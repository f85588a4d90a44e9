import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { createOnnxPolicy } from '../engines/onnx/policy.js';
import type { Policy } from '../engines/policy.js';
import { createLearner } from '../learner/create.js';
import type { Learner } from '../learner/learner.js';
import { clippedPolicy, trainingLoss } from '../losses/index.js';
import type { PipelineSpec } from '../pipelines/spec.js';
import { defaultTemplateText, parseTemplate, type TeacherTemplate } from '../privileged/template/template.js';
import { constantLearner, constantPolicy, isConstant } from './constant-model.js';

/** Cores to use where the spec does not say. */
const cores = (): number => Math.min(8, Math.max(1, cpus().length));

export const baseFolder = (spec: PipelineSpec, folder: string): string => resolve(folder, spec.model.base);

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

export function teacherTemplate(spec: PipelineSpec): TeacherTemplate {
  return parseTemplate(spec.teach.template ?? defaultTemplateText, 'teach.template');
}

export const logFolder = (run: string): string => join(run, 'topics');

/** Vectors of the passages that a run searches by an embedding model; as privileged as the passages. */
export const vectorFolder = (run: string): string => join(run, 'vectors');
