import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { createLearner, defaultSettings, type Learner } from '../learner/learner.js';
import { createOnnxPolicy } from '../policy/engines/onnx.js';
import { readConfig } from '../policy/folder.js';
import type { Policy } from '../policy/policy.js';
import { readTokenizer } from '../policy/tokenizer.js';
import { privilegedStore } from '../privileged/join.js';
import type { PrivilegedTable } from '../privileged/table.js';
import { defaultTemplateText, parseTemplate, renderTeacher, type TeacherTemplate } from '../privileged/template.js';
import { constantLearner, constantPolicy, isConstant } from './constant-model.js';
import { contextOf } from './context.js';
import type { PipelineSpec } from './spec.js';
import type { Resources } from './stages.js';

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
  const { threads, prompts: _, ...settings } = spec.learn;
  return createLearner({
    folder: baseFolder(spec, folder),
    threads: threads ?? cores(),
    settings: { ...defaultSettings, ...settings, totalSteps: spec.steps },
  });
}

export function teacherTemplate(spec: PipelineSpec): TeacherTemplate {
  return parseTemplate(spec.teach.template ?? defaultTemplateText, 'teach.template');
}

/** The teacher's context and prompt, over the `privileged` topic. */
export function openTeacher(spec: PipelineSpec, folder: string, table: PrivilegedTable): Resources['teacher'] {
  const template = teacherTemplate(spec);
  const base = baseFolder(spec, folder);
  const tokenizer = readTokenizer(base, readConfig(base).vocabSize);
  const { joins, labels } = contextOf(spec);
  const { contextTokens, context: shown } = spec.teach;
  const privileged = privilegedStore(table, {
    joins,
    labels,
    shown,
    seed: spec.seed,
    ...(contextTokens && {
      budget: { tokens: contextTokens, countTokens: (text: string) => tokenizer.encode(text).length },
    }),
  });
  return {
    privileged,
    catchUp: table.catchUp,
    templateHash: template.hash,
    prompt: (messages, context) => ({
      messages: renderTeacher(template, messages, context),
      documents: context.pieces.map(({ id, version, start, end, truncated }) => ({
        id,
        version,
        start,
        end,
        truncated,
      })),
    }),
  };
}

export const logFolder = (run: string): string => join(run, 'topics');
