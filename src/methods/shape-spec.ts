import { z } from 'zod';
import { clippedPolicy } from '../losses/clipped-policy.js';
import { nearest, UserError } from '../support/errors.js';
import { bindMethod } from './bind.js';
import type { Method, MethodDefinition } from './method.js';
import type { methods } from './registry.js';

type Registered = (typeof methods)[number];

/** A method of the user's own: a module and the settings of its method. */
export interface MethodModule {
  readonly module: string;
  readonly [setting: string]: unknown;
}

type Choices<Name extends string, Settings> = Name | { readonly [N in Name]: Settings } | MethodModule;
type ChoiceOf<Definition> =
  Definition extends MethodDefinition<infer Settings, infer _, infer Name> ? Choices<Name, z.input<Settings>> : never;

/** What a pipeline file or program writes for `shape`. */
export type ShapeInput = ChoiceOf<Registered>;

/** The `shape` field of a checked pipeline: which method, and its settings as written. */
export type ShapeSpec = string | Readonly<Record<string, unknown>>;

const teacherNeed = z.union([
  z.strictObject({ scores: z.literal('none') }),
  z.strictObject({
    scores: z.enum(['sampled', 'topK']),
    k: z.union([z.int().min(1), z.literal('all')]).exactOptional(),
    model: z.enum(['self', 'separate']),
    context: z.enum(['privileged', 'siblings', 'none']),
    contrast: z.literal('shuffled').exactOptional(),
  }),
]);
const recordedObject = z.strictObject({ object: z.strictObject({ id: z.string(), teacher: teacherNeed }) });

/**
 * Schema of the `shape` field: a method's name, `{ NAME: settings }`, or `{ module, …settings }`.
 * @param registry the methods that have a name
 */
export function shapeSchema(registry: readonly MethodDefinition[]): z.ZodType<ShapeSpec, ShapeSpec> {
  const named = registry.map(({ name, settings }) => z.strictObject({ [name]: settings }));
  const module = z
    .string()
    .min(1)
    .describe('A method of your own: a module whose default export defines it. Its settings go next to it.');
  const object = z
    .strictObject({ id: z.string(), teacher: z.record(z.string(), z.unknown()) })
    .describe('Recorded for a method that a program gave as an object; not for pipeline files.');
  return z
    .union([z.enum(registry.map(({ name }) => name)), ...named, z.looseObject({ module }), z.strictObject({ object })])
    .describe('The method: how rewards become what each token is trained on. A bare name takes the defaults.');
}

/** A `shape` field taken apart: a registered name, or the path of a module. */
export type MethodChoice =
  | { readonly name: string; readonly settings: unknown }
  | { readonly module: string; readonly settings: Readonly<Record<string, unknown>> };

export function methodChoice(shape: ShapeSpec): MethodChoice {
  if (typeof shape === 'string') return { name: shape, settings: {} };
  if (typeof shape.module === 'string') {
    const { module, ...settings } = shape;
    return { module, settings };
  }
  const [[name, settings] = ['', {}]] = Object.entries(shape);
  return { name, settings };
}

/**
 * The definition with a name.
 * @throws {UserError} `unknown-method` naming the nearest.
 */
export function findMethod(name: string, registry: readonly MethodDefinition[]): MethodDefinition {
  const found = registry.find((definition) => definition.name === name);
  if (found) return found;
  const names = registry.map((definition) => definition.name);
  const near = nearest(name, names);
  const hint = near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`;
  throw new UserError('unknown-method', `unknown method ${JSON.stringify(name)}; ${hint}`);
}

/**
 * The registered method that a `shape` field chooses.
 * @throws {UserError} `unknown-method`, `bad-settings`; `module-not-loaded` for a module, which takes time to load.
 */
export function registeredMethod(shape: ShapeSpec, registry: readonly MethodDefinition[]): Method {
  const recorded = recordedObject.safeParse(shape);
  if (recorded.success) return absentMethod(recorded.data.object);
  const choice = methodChoice(shape);
  if ('module' in choice)
    throw new UserError(
      'module-not-loaded',
      `shape.module: ${choice.module} is a file; import it and pass the method as an object, or use \`loadPlan\``,
    );
  return bindMethod(findMethod(choice.name, registry), choice.settings);
}

/** What a manifest records of a method that was given as an object. */
export function recordMethod({ id, teacher }: Method): ShapeSpec {
  return { object: { id, teacher } };
}

/** Stands for a method that only the program which gave it has: enough to read its run, not to run it. */
function absentMethod({ id, teacher }: z.output<typeof recordedObject>['object']): Method {
  const name = id.replace(/@.*$/, '');
  const loss = clippedPolicy.create();
  return { name, id, teacher, loss, statistics: {}, usesUniformGroups: false, shape: absent };
}

function absent(): never {
  throw new UserError('absent-method', 'the method was given as an object by the program that started the run');
}

/** Whether a method only stands for one that another program has. */
export const isAbsent = ({ shape }: Method): boolean => shape === absent;
