import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { digest } from '../support/digest.js';
import { nearest, UserError } from '../support/errors.js';
import { bindEngine, without } from './bind.js';
import type { Engine, EngineDefinition } from './engine.js';
import { engines } from './registry.js';

type Registered = (typeof engines)[number];

/** An engine of the user's own: a module and the settings of its engine. */
export interface EngineModule {
  readonly module: string;
  readonly [setting: string]: unknown;
}

type ChoiceOf<Definition> =
  Definition extends EngineDefinition<infer Settings, infer Name>
    ? Name | { readonly [N in Name]: z.input<Settings> } | EngineModule
    : never;

/** What a pipeline file or program writes for `model.engine`. */
export type EngineInput = ChoiceOf<Registered>;

/** The `model.engine` field of a checked pipeline: which engine, and its settings as written. */
export type EngineSpec = string | Readonly<Record<string, unknown>>;

const recordedObject = z.strictObject({ object: z.strictObject({ id: z.string() }) });

/** Schema of the `model.engine` field: an engine's name, `{ NAME: settings }`, or `{ module, …settings }`. */
export function engineSchema(registry: readonly EngineDefinition[] = engines): z.ZodType<EngineSpec, EngineSpec> {
  const named = registry.map(({ name, settings }) => z.strictObject({ [name]: settings }));
  const module = z
    .string()
    .min(1)
    .describe('An engine of your own: a module whose default export defines it. Its settings go next to it.');
  return z
    .union([
      z.enum(registry.map(({ name }) => name)),
      ...named,
      z.looseObject({ module }),
      recordedObject.describe('Recorded for an engine that a program gave as an object; not for pipeline files.'),
    ])
    .describe('What runs the model. A bare name takes the defaults.');
}

/** A `model.engine` field without what only says how a registered engine is reached. */
export function reachless(spec: EngineSpec, registry: readonly EngineDefinition[] = engines): EngineSpec {
  if (typeof spec === 'string') return spec;
  const reach = (name: string) => registry.find((definition) => definition.name === name)?.reach ?? [];
  return Object.fromEntries(Object.entries(spec).map(([name, settings]) => [name, without(reach(name), settings)]));
}

/** What a manifest records of an engine that was given as an object. */
export const recordEngine = ({ id }: Engine): EngineSpec => ({ object: { id } });

/**
 * The registered engine that a `model.engine` field names.
 * @param folder what paths in its settings are relative to
 * @throws {UserError} `unknown-engine`, `bad-settings`; `module-not-loaded` for a module, which `loadEngine` loads
 */
export function registeredEngine(
  spec: EngineSpec,
  folder = process.cwd(),
  registry: readonly EngineDefinition[] = engines,
): Engine {
  const recorded = recordedObject.safeParse(spec);
  if (recorded.success) return absentEngine(recorded.data.object.id);
  if (typeof spec === 'object' && 'module' in spec)
    throw new UserError(
      'module-not-loaded',
      `model.engine.module: ${spec.module} is a file; import it and pass the engine as an object, or use \`loadPlan\``,
    );
  const [name, settings] = typeof spec === 'string' ? [spec, {}] : onlyEntry(spec);
  return bindEngine(findEngine(name, registry), settings, { folder });
}

function onlyEntry(spec: Readonly<Record<string, unknown>>): [name: string, settings: unknown] {
  const [entry, ...others] = Object.entries(spec);
  if (!entry || others.length > 0)
    throw new UserError('bad-settings', `model.engine: found ${JSON.stringify(spec)}, expected { NAME: settings }`);
  return entry;
}

function findEngine(name: string, registry: readonly EngineDefinition[]): EngineDefinition {
  const found = registry.find((definition) => definition.name === name);
  if (found) return found;
  const names = registry.map((definition) => definition.name);
  const near = nearest(name, names);
  const hint = near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}, or { module: FILE }`;
  throw new UserError('unknown-engine', `model.engine: unknown engine ${JSON.stringify(name)}; ${hint}`);
}

/** Stands for an engine that only the program which gave it has: enough to read its run, not to run it. */
function absentEngine(id: string): Engine {
  const name = id.replace(/@.*$/, '');
  const problem = `model.engine: ${name} was given as an object by another program: run it from there, or name a module`;
  return {
    name,
    id,
    capabilities: {
      samples: true,
      scores: 'topK',
      trains: true,
      adapters: true,
      images: true,
      bitReproducible: false,
      devices: [],
      weights: 'folder',
    },
    check: () => [problem],
    openPolicy: () => Promise.reject(new UserError('absent-engine', problem)),
  };
}

const EXPECTED = 'expected `export default defineEngine({ name, summary, settings, create })`';

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'safeParse' in value && isFunction(value.safeParse);

/** What a module's default export has to look like before it is trusted to be a definition. */
const definition: z.ZodType<EngineDefinition> = z.looseObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and -'),
  summary: z.string(),
  // Not `instanceof`: the module may come with its own copy of zod.
  settings: z.custom<z.ZodType>(isSchema, 'expected a zod schema'),
  create: z.custom<EngineDefinition['create']>(isFunction, 'expected a function from settings to the engine'),
});

/**
 * The engine that a `model.engine` field chooses, loading its module where it names one. The module's default export is
 * an
 * `EngineDefinition`.
 * @param folder what the module's path and paths in its settings are relative to
 * @throws {UserError} `bad-engine` naming file, export, found and expected; `unknown-engine`; `bad-settings`
 */
export async function loadEngine(spec: EngineSpec, folder: string): Promise<Engine> {
  if (typeof spec === 'string' || typeof spec.module !== 'string') return registeredEngine(spec, folder);
  const { module, ...settings } = spec;
  const file = resolve(folder, module);
  const bad = (problem: string) => new UserError('bad-engine', `model.engine.module: ${file}: ${problem}`);
  let exported: unknown;
  let moduleHash: string;
  try {
    moduleHash = digest(readFileSync(file));
    ({ default: exported } = (await import(pathToFileURL(file).href)) as { readonly default?: unknown });
  } catch (error) {
    throw bad(`cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (exported === undefined) throw bad(`has no default export; ${EXPECTED}`);
  const parsed = definition.safeParse(exported);
  if (parsed.success) return bindEngine(parsed.data, settings, { where: 'model.engine', folder, moduleHash });
  const problems = parsed.error.issues.map(
    ({ path, message }) => `default export${path.map((key) => `.${String(key)}`).join('')}: ${message}`,
  );
  throw bad(`${problems.join('; ')}; ${EXPECTED}`);
}
