import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { nearest, UserError } from '../../support/errors.js';
import { parseOverride, withOverride } from './override.js';
import { readYaml } from './read-yaml.js';
import { type Renamed, renamedWarning, renameFields } from './renamed.js';
import { type PipelineInput, type PipelineSpec, pipelineSchema } from './spec.js';

/** A checked spec and the folder that its paths are relative to. */
export interface ParsedSpec {
  readonly spec: PipelineSpec;
  readonly folder: string;
  /** What the spec should say differently, one line each: fields under an old name. */
  readonly warnings: readonly string[];
}

/** How a spec is checked, where its text comes from elsewhere. */
export interface CheckSpecOptions {
  /** Where a field is written, for messages. */
  readonly locate?: (path: Path) => string;
  /** Called with each warning: a field under an old name. */
  readonly warn?: (warning: string) => void;
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/**
 * Reads a pipeline file.
 * @param sets overrides as `path=value`, the value in YAML: `shape.rlsd.weightClip=[0.8, 2]`
 * @throws {UserError} `bad-spec`, with every problem: file, line, column, field, found, expected
 */
export function readSpec(file: string, sets: readonly string[] = []): ParsedSpec {
  const yaml = readYaml(file);
  const { data, found } = renameFields(yaml.data);
  const { spec, warnings } = setFields(data, sets, (path) => yaml.place(writtenPath(path, found)));
  const old = found.map(({ old, path }) => `${yaml.place(old.split('.'))}: ${renamedWarning(old, path)}`);
  return { spec, folder: resolve(dirname(file)), warnings: [...old, ...warnings] };
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
  throw new UserError('bad-spec', result.error.issues.flatMap((issue) => describe(issue, data, written)).join('\n'));
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
): Pick<ParsedSpec, 'spec' | 'warnings'> {
  const overrides = sets.map(parseOverride);
  const warnings = overrides.flatMap(({ warning }) => warning ?? []);
  const spec = checkSpec(overrides.reduce(withOverride, data), {
    locate: (path) => {
      const dotted = path.join('.');
      const set = overrides.find((one) => dotted === one.path || dotted.startsWith(`${one.path}.`));
      return set === undefined ? locate(path) : `--set ${set.path}`;
    },
    warn: (warning) => void warnings.push(warning),
  });
  return { spec, warnings };
}

/** The path as the user wrote it: under the old name where that was found. */
function writtenPath(path: Path, found: Renamed['found']): Path {
  const dotted = path.join('.');
  const field = found.find((one) => dotted === one.path || dotted.startsWith(`${one.path}.`));
  return field ? [...field.old.split('.'), ...path.slice(field.path.split('.').length)] : path;
}

function describe(issue: Issue, input: unknown, locate: (path: Path) => string): string[] {
  if (issue.code === 'unrecognized_keys') {
    const variants = knownVariants(issue.path);
    const known = [...new Set(variants.flat())];
    const present = Object.keys((valueAt(input, issue.path) as object | undefined) ?? {});
    return issue.keys.map((key) => {
      const place = `${locate([...issue.path, key])}: `;
      const field = [...issue.path, key].join('.');
      const others = present.filter((other) => !variants.some((keys) => keys.includes(key) && keys.includes(other)));
      if (known.includes(key))
        return `${place}${field}: does not go with ${others.join(', ')}; expected one or the other`;
      const guess = nearest(key, known);
      return `${place}unknown field ${field}; ${guess ? `did you mean ${guess}?` : `expected one of ${known.join(', ')}`}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const [nearestBranch] = [...issue.errors].sort((a, b) => deepest(b) - deepest(a));
    if (nearestBranch && deepest(nearestBranch) > 0)
      return nearestBranch.flatMap((inner) =>
        describe({ ...inner, path: [...issue.path, ...inner.path] }, input, locate),
      );
  }
  // Says what was found by itself, or leaves it out because it may be a secret.
  if (issue.code === 'custom') return [`${locate(issue.path)}: ${issue.path.join('.')}: ${issue.message}`];
  const found = valueAt(input, issue.path);
  const field = issue.path.join('.') || 'the spec';
  const what = found === undefined ? 'is missing' : `found ${shown(found)}`;
  return [`${locate(issue.path)}: ${field}: ${what}; ${expectation(issue)}`];
}

/** JSON has no NaN and no Infinity; a long value is cut. */
function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectation)).join(' or ');
  return issue.message.replace(/^(Invalid (input|option)|Too (small|big)): /, '').replace(/, received .*$/, '');
}

/**
 * How far a union's branch fits: an unknown key inside a map that fits otherwise is nearer than another type, and both
 * are nearer than a map whose own key is missing.
 */
function deepest(issues: readonly Issue[]): number {
  if (issues.every((issue) => issue.code === 'unrecognized_keys')) return 1;
  return Math.max(0, ...issues.map((issue) => (isMissing(issue) ? 0.5 : issue.path.length * 2)));
}

const isMissing = ({ code, path, message }: Issue): boolean =>
  code === 'invalid_type' && path.length === 1 && message.endsWith('received undefined');

/** A field of a spec by its dotted path: `learn.prompts`. */
export const fieldAt = (spec: PipelineSpec, field: string): unknown => valueAt(spec, field.split('.'));

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** Names that the schema knows at a path, through defaults, those of each variant of a union. */
function knownVariants(path: Path): string[][] {
  let schemas: unknown[] = [pipelineSchema];
  for (const key of [undefined, ...path]) {
    schemas = schemas
      .flatMap((schema) => unwrap(schema))
      .flatMap((schema) => {
        if (key === undefined) return [schema];
        const shape = (schema as { shape?: Record<PropertyKey, unknown> }).shape;
        return shape && key in shape ? [shape[key]] : [];
      });
  }
  return schemas.flatMap(unwrap).map((schema) => Object.keys((schema as { shape?: object }).shape ?? {}));
}

function unwrap(schema: unknown): unknown[] {
  const { def } = schema as { def?: { innerType?: unknown; options?: readonly unknown[] } };
  if (def?.innerType) return unwrap(def.innerType);
  if (def?.options) return def.options.flatMap(unwrap);
  return [schema];
}
