import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { bindMethod } from '../../methods/bind.js';
import type { Method, MethodDefinition } from '../../methods/method.js';
import { methods } from '../../methods/registry.js';
import { methodChoice, registeredMethod, type ShapeSpec } from '../../methods/shape-spec.js';
import type { Transform } from '../../operators/transform.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { loadStore } from '../../topics/registry.js';
import type { TopicStore } from '../../topics/store.js';
import { withRecorded } from '../feeds/recorded-spec.js';
import type { PipelineSpec } from '../spec/spec.js';
import { noMethod } from './no-method.js';
import { allOrProblems } from './placed.js';
import { type Plan, type PlanOptions, planOf } from './plan.js';
import { loadTransforms } from './transforms.js';

const EXPECTED = 'expected `export default defineMethod({ name, summary, settings, statistics, create })`';

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'safeParse' in value && isFunction(value.safeParse);

/** What a module's default export has to look like before it is trusted to be a definition. */
const definition: z.ZodType<MethodDefinition> = z.looseObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+-]*$/, 'expected lower-case letters, digits, - and +'),
  summary: z.string(),
  // Not `instanceof`: the module may come with its own copy of zod.
  settings: z.custom<z.ZodType>(isSchema, 'expected a zod schema'),
  statistics: z.record(z.string(), z.string()),
  create: z.custom<MethodDefinition['create']>(isFunction, 'expected a function from settings to the method'),
  fingerprint: z
    .custom<NonNullable<MethodDefinition['fingerprint']>>(isFunction, 'expected a function')
    .exactOptional(),
});

/**
 * The method that a `shape` field chooses, loading its module where it has one. The module's default export is a
 * `MethodDefinition`.
 *
 * @param folder what the module's path is relative to
 * @throws {UserError} `bad-method` naming file, export, found and expected; `bad-settings`
 */
export async function loadMethod(
  shape: ShapeSpec,
  folder: string,
  registry: readonly MethodDefinition[] = methods,
): Promise<Method> {
  const choice = methodChoice(shape);
  if (!('module' in choice)) return registeredMethod(shape, registry);
  const file = resolve(folder, choice.module);
  const moduleHash = methodModuleHash(shape, folder);
  const bad = (problem: string) => new UserError('bad-method', `shape.module: ${file}: ${problem}`);
  let exported: unknown;
  try {
    ({ default: exported } = (await import(pathToFileURL(file).href)) as { readonly default?: unknown });
  } catch (error) {
    throw bad(`cannot be loaded: ${messageOf(error)}`);
  }
  if (exported === undefined) throw bad(`has no default export; ${EXPECTED}`);
  const parsed = definition.safeParse(exported);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `default export${dotted(path)}: ${message}`);
    throw bad(`${problems.join('; ')}; ${EXPECTED}`);
  }
  try {
    return bindMethod(parsed.data, choice.settings, { where: 'shape', folder, ...(moduleHash && { moduleHash }) });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw bad(messageOf(error));
  }
}

/**
 * Content hash of the module that a `shape` field names; undefined where it names none.
 * @throws {UserError} `bad-method` when the file cannot be read
 */
export function methodModuleHash(shape: ShapeSpec, folder: string): string | undefined {
  const choice = methodChoice(shape);
  if (!('module' in choice)) return undefined;
  const file = resolve(folder, choice.module);
  try {
    return digest(readFileSync(file));
  } catch (error) {
    throw new UserError('bad-method', `shape.module: ${file}: cannot be read: ${messageOf(error)}`);
  }
}

/** The plan of a spec, with the modules that it names. */
export async function loadPlan(
  written: PipelineSpec,
  folder: string,
  options: Pick<PlanOptions, 'warnings' | 'locate'> = {},
): Promise<Plan> {
  const spec = withRecorded(written, folder);
  const [transforms, method, store] = await allOrProblems<[readonly Transform[], Method, TopicStore]>(
    [
      loadTransforms(spec, folder),
      spec.shape === undefined ? Promise.resolve(noMethod) : loadMethod(spec.shape, folder),
      loadStore(spec.topics, folder),
    ],
    options.locate,
  );
  return planOf(spec, folder, transforms, { method, store, ...options });
}

const dotted = (path: readonly PropertyKey[]): string => path.map((key) => `.${String(key)}`).join('');
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
