import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { isLossModule } from '../../losses/loss-spec.js';
import { methodChoice } from '../../methods/shape-spec.js';
import { templatePath } from '../../pipelines/plan/model.js';
import { contextOf } from '../../pipelines/running/context.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { tasksOf } from '../../pipelines/spec/tasks.js';
import { filesOf } from '../../privileged/sources/files.js';
import { promptFiles } from '../../sources/files.js';
import { transformModules } from '../../transforms/transform-spec.js';
import type { RunFolder } from '../inspect/run-folder.js';

/** Files that a pipeline names by relative paths, for a bundle. */
export interface BundleInputs {
  /** The pipeline's folder, relative to the common folder of all inputs. */
  readonly folder: string;
  readonly files: readonly (readonly [name: string, path: string])[];
  /** Paths of files that were left out because they contain privileged content, as the spec names them. */
  readonly leftOut: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Collects the input files of a run, without the base model, which is exported with the weights.
 * @param withPrivileged whether to include prompts and documents. A prompt module counts as privileged too: it provides
 * the reference answers and may contain them in its code.
 */
export async function bundleInputs({ manifest, plan }: RunFolder, withPrivileged: boolean): Promise<BundleInputs> {
  const { spec, folder } = plan;
  const privileged = await privilegedFiles(spec, folder);
  const named = [...publicFiles(spec), ...(withPrivileged ? privileged : [])];
  const relatives = [...new Set(named.filter((path) => !isAbsolute(path)))];
  const present = relatives.filter((path) => existsSync(resolve(folder, path)));
  const base = isAbsolute(spec.model.base) ? [] : [spec.model.base];
  const folders = [...present, ...base].map((path) => dirname(resolve(folder, path)));
  const root = [folder, ...folders].reduce(commonFolder);
  return {
    folder: posix(relative(root, manifest.folder)),
    files: present.map((path) => [posix(relative(root, resolve(folder, path))), resolve(folder, path)] as const),
    leftOut: withPrivileged ? [] : privileged,
    notes: [
      ...[...named, spec.model.base]
        .filter((path) => isAbsolute(path))
        .map((path) => `${path}: not in the bundle, since its path is absolute; resuming elsewhere needs it there`),
      ...relatives
        .filter((path) => !present.includes(path))
        .map((path) => `${path}: not in the bundle, since the file is missing`),
      ...(withPrivileged || privileged.length === 0 ? [] : [`left out as privileged: ${privileged.join(', ')}`]),
    ],
  };
}

/** Modules of transforms, of the method, of the losses and of the engine, and the chat template. */
function publicFiles(spec: PipelineSpec): string[] {
  const choice = spec.shape === undefined ? undefined : methodChoice(spec.shape);
  const { engine } = spec.model;
  const template = templatePath(spec.model.template);
  const losses = [spec.learn, ...Object.values(spec.learners ?? {})].map((learn) => learn?.loss);
  return [
    ...transformModules(spec.transform).map(({ path }) => path),
    ...(template === undefined ? [] : [template]),
    ...(choice && 'module' in choice ? [choice.module] : []),
    ...losses.flatMap((loss) => (loss !== undefined && isLossModule(loss) ? [loss.module] : [])),
    ...(typeof engine === 'object' && typeof engine.module === 'string' ? [engine.module] : []),
  ];
}

/** Prompts with their answers, and documents. */
async function privilegedFiles(spec: PipelineSpec, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const { prompts } of tasksOf(spec)) {
    if (prompts && 'file' in prompts) files.push(...(await promptPaths([prompts.file].flat(), folder)));
    if (prompts && typeof prompts.heldOut === 'object' && 'file' in prompts.heldOut)
      files.push(...(await promptPaths([prompts.heldOut.file], folder)));
    if (prompts && 'module' in prompts) files.push(prompts.module);
  }
  if (spec.evaluate.file !== undefined) files.push(...(await promptPaths([spec.evaluate.file], folder)));
  for (const source of contextOf(spec).sources) {
    if ('files' in source) files.push(...(await filesOf(source, folder)));
    if ('keyed' in source) files.push(source.keyed);
  }
  return files;
}

/** Prompt files, as the spec names them where it names files. */
async function promptPaths(named: readonly string[], folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const path of named) {
    const found = isAbsolute(path) || !existsSync(resolve(folder, path)) ? [] : await promptFiles(path, folder);
    paths.push(...(found.length === 0 ? [path] : found.map((one) => relative(folder, one.path))));
  }
  return paths;
}

function commonFolder(a: string, b: string): string {
  const up = relative(a, b)
    .split(/[\\/]/)
    .filter((part) => part === '..').length;
  return resolve(a, ...Array.from({ length: up }, () => '..'));
}

const posix = (path: string): string => path.replaceAll('\\', '/');
