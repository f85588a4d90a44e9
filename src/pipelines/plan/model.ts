import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type CheckOptions, type Engine, type EngineNeeds, lacking, type ModelOptions } from '../../engines/engine.js';
import { loadEngine } from '../../engines/engine-spec.js';
import type { Sampling } from '../../engines/policy.js';
import { asksTeacher } from '../../methods/method.js';
import type { TemplateText } from '../../models/chat-template.js';
import { defaultTemplateText, parseTemplate, type TeacherTemplate } from '../../privileged/template/template.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { samplingOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import { type Task, tasksOf } from '../spec/tasks.js';
import type { Plan } from '../stages/definition.js';

/** Folder of the base model. @param folder what the spec's paths are relative to */
export const baseFolder = (spec: PipelineSpec, folder: string): string => resolve(folder, spec.model.base);

/** Folder of the separate teacher model; undefined where the policy teaches itself. */
export function teacherFolder({ spec, folder, method }: Pick<Plan, 'spec' | 'folder' | 'method'>): string | undefined {
  const separate = asksTeacher(method) && method.teacher.model === 'separate';
  return separate && spec.teach.model !== undefined ? resolve(folder, spec.teach.model) : undefined;
}

/** Cores to use where the spec does not say. */
export const defaultCores = (): number => Math.min(8, availableParallelism());

/** The model of a pipeline, as its engine opens it. @throws {UserError} as `chatTemplateOf` */
export function modelOptions({ spec, folder }: Pick<Plan, 'spec' | 'folder'>): ModelOptions {
  const { device, workers = defaultCores() } = spec.model;
  const template = chatTemplateOf(spec.model.template, folder);
  return { folder: baseFolder(spec, folder), device, workers, ...(template && { template }) };
}

/** The path in `model.template`; undefined where there is none, or the template itself. */
export function templatePath(template: string | undefined): string | undefined {
  return template === undefined || /\{[{%#]|\n/.test(template) ? undefined : template;
}

/**
 * The chat template that a pipeline names: Jinja, or a file with it.
 * @throws {UserError} `bad-chat-template` where the file is missing
 */
export function chatTemplateOf(template: string | undefined, folder: string): TemplateText | undefined {
  if (template === undefined) return undefined;
  const path = templatePath(template);
  if (path === undefined) return { where: 'model.template', source: template };
  const where = resolve(folder, path);
  if (existsSync(where)) return { where, source: readFileSync(where, 'utf8') };
  throw new UserError(
    'bad-chat-template',
    `model.template: found ${JSON.stringify(template)}; expected a Jinja template, or a file with one, and there is no ` +
      `${where}`,
  );
}

/**
 * The engine of a plan: the object that it was given, or the one that its spec names.
 * @throws {UserError} as `loadEngine`
 */
export async function engineOf({ components: { engine }, spec, folder }: Plan): Promise<Engine> {
  return engine ?? loadEngine(spec.model.engine, folder);
}

/**
 * What the plan's engine lacks, one line each.
 * @throws {UserError} as `loadEngine`
 */
export async function engineProblems(plan: Plan, needs: Omit<EngineNeeds, 'device'>): Promise<string[]> {
  const { device, lora } = plan.spec.model;
  return lacking(await engineOf(plan), { device, ...(lora && { adapters: { by: 'model.lora' } }), ...needs });
}

type DrawnAndScored = { readonly sampling: Sampling } & Pick<CheckOptions, 'scores'>;

/** How a plan samples, and how many of the likeliest tokens its teacher names, for an engine's check. */
export function drawnAndScored({ spec, method }: Pick<Plan, 'spec' | 'method'>): DrawnAndScored {
  if (!asksTeacher(method)) return { sampling: samplingOf(spec) };
  const { scores, k } = method.teacher;
  return { sampling: samplingOf(spec), scores: scores === 'topK' ? required(k, `${method.name}: teacher.k`) : 0 };
}

/** The teacher's prompt template of a task. @throws {UserError} `bad-template` */
export function teacherTemplate({ template, templateField }: Task): TeacherTemplate {
  return parseTemplate(template ?? defaultTemplateText, templateField);
}

/** For the manifest: the hash of the only template, or of those of all tasks. @throws {UserError} `bad-template` */
export function templatesHash(spec: PipelineSpec): string {
  const hashes = tasksOf(spec).map((task) => [task.name, teacherTemplate(task).hash] as const);
  const [only] = hashes;
  return only?.[0] === '' ? only[1] : digest(...hashes.flat());
}
