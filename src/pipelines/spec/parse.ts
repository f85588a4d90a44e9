import { dirname, resolve } from 'node:path';
import { UserError } from '../../support/errors.js';
import { settingProblems, valueAt } from '../../support/settings.js';
import { locateAmong, parseOverride, withOverride } from './override.js';
import { readYaml } from './read-yaml.js';
import { type Renamed, renamedWarning, renameFields } from './renamed.js';
import { type PipelineInput, type PipelineSpec, pipelineSchema } from './spec.js';
import { type SpecProblem, specProblems } from './spec-rules.js';

/** A checked spec and the folder that its paths are relative to. */
export interface ParsedSpec {
  readonly spec: PipelineSpec;
  readonly folder: string;
  /** What the spec should say differently, one line each: fields under an old name. */
  readonly warnings: readonly string[];
  readonly locate: Locate;
}

/** Where a field is written, or the map that it is missing from: `file:line:column`, or the option that sets it. */
export type Locate = (path: Path) => string;

/** How a spec is checked, where its text comes from elsewhere. */
export interface CheckSpecOptions {
  /** Where a field is written, for messages. */
  readonly locate?: Locate;
  /** Called with each warning: a field under an old name. */
  readonly warn?: (warning: string) => void;
}

type Path = readonly PropertyKey[];

/**
 * Reads a pipeline file.
 * @param sets overrides as `path=value`, the value in YAML: `shape.rlsd.weightClip=[0.8, 2]`
 * @throws {UserError} `bad-spec`, with every problem: file, line, column, field, found, expected
 */
export function readSpec(file: string, sets: readonly string[] = []): ParsedSpec {
  const yaml = readYaml(file);
  const { data, found } = renameFields(yaml.data);
  const { spec, warnings, locate } = setFields(data, sets, (path) => yaml.place(writtenPath(path, found)));
  const old = found.map(({ old, path }) => `${yaml.place(old.split('.'))}: ${renamedWarning(old, path)}`);
  return { spec, folder: resolve(dirname(file)), warnings: [...old, ...warnings], locate };
}

/**
 * Checks a spec given as data and fills in the defaults.
 * @throws {UserError} `bad-spec`, with every problem
 */
export function checkSpec(input: unknown, options: CheckSpecOptions = {}): PipelineSpec {
  const { locate = () => 'pipeline', warn = () => {} } = options;
  const { data, found } = renameFields(input);
  const written = (path: Path) => locate(writtenPath(path, found));
  for (const { old, path } of found) warn(`${written(path.split('.'))}: ${renamedWarning(old, path)}`);
  const result = pipelineSchema.safeParse(data);
  if (result.success) return result.data;
  const problems = settingProblems(result.error.issues, pipelineSchema, data).map(
    ({ path, message }) => `${written(path)}: ${path.join('.') || 'the spec'}: ${message}`,
  );
  // The schema looks at rules between fields only once every field is right.
  const others = result.error.issues.some(({ code }) => code !== 'custom') ? looseProblems(data) : [];
  const rules = others.map(({ field, problem }) => `${written(field.split('.'))}: ${field}: ${problem}`);
  throw new UserError('bad-spec', [...new Set([...problems, ...rules])].join('\n'));
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Broken rules of a spec of which some fields are wrong: those are taken as they are written. */
function looseProblems(data: unknown): readonly SpecProblem[] {
  if (!isMap(data)) return [];
  const sections = Object.entries(pipelineSchema.shape).flatMap(([name, schema]): [string, unknown][] => {
    const found: unknown = Object.entries(data).find(([key]) => key === name)?.[1] ?? undefined;
    const parsed = schema.safeParse(found);
    if (parsed.success) return parsed.data === undefined ? [] : [[name, parsed.data]];
    return isMap(found) && name !== 'tasks' ? [[name, found]] : found === undefined ? [] : [[name, {}]];
  });
  return specProblems(Object.fromEntries(sections));
}

/**
 * A spec with some fields changed, as by `--set`.
 * @throws {UserError} `bad-spec`
 */
export function changeSpec(spec: PipelineSpec, sets: readonly string[]): PipelineSpec {
  return setFields(spec, sets, () => 'the recorded pipeline').spec;
}

/** A spec in TypeScript: checked by the compiler as it is written, and as data when it is made. */
export function defineSpec(input: PipelineInput): PipelineSpec {
  return checkSpec(input);
}

function setFields(
  data: unknown,
  sets: readonly string[],
  locate: (path: Path) => string,
): Pick<ParsedSpec, 'spec' | 'warnings' | 'locate'> {
  const overrides = sets.map(parseOverride);
  const warnings = overrides.flatMap(({ warning }) => warning ?? []);
  const place = locateAmong(overrides, data, locate);
  const warn = (warning: string) => void warnings.push(warning);
  const spec = checkSpec(overrides.reduce(withOverride, data), { locate: place, warn });
  return { spec, warnings, locate: place };
}

/** The path as the user wrote it: under the old name where that was found. */
function writtenPath(path: Path, found: Renamed['found']): Path {
  const dotted = path.join('.');
  const field = found.find((one) => dotted === one.path || dotted.startsWith(`${one.path}.`));
  return field ? [...field.old.split('.'), ...path.slice(field.path.split('.').length)] : path;
}

/** A field of a spec by its dotted path: `learn.prompts`. */
export const fieldAt = (spec: PipelineSpec, field: string): unknown => valueAt(spec, field.split('.'));
