import { z } from 'zod';
import { defineTransform, type GroupTopic, type Transform } from '../operators/transform.js';
import { nearest, UserError } from '../support/errors.js';
import { parseSettings } from '../support/settings.js';
import { type TransformDefinition, unitOperator } from './definition.js';
import { transforms } from './registry.js';

type Registered = (typeof transforms)[number];
type InputOf<Definition> =
  Definition extends TransformDefinition<infer Settings, infer _, infer Name>
    ? Name | { readonly [N in Name]: z.input<Settings> }
    : never;

/** A transform of the package: its name, for the defaults, or `{ NAME: settings }`. */
export type NamedTransform = InputOf<Registered>;

/** What a pipeline file or program writes: a transform of the package, or the path of a module. */
export type TransformInput = NamedTransform | (string & {});

/** A checked entry of `transform`, as it was written. */
export type TransformEntry = string | Readonly<Record<string, unknown>>;

const names = transforms.map(({ name }) => name);
const isPath = (entry: string): boolean => /[./\\]/.test(entry);

const entrySchema: z.ZodType<TransformEntry, TransformInput | TransformEntry> = z.union([
  z
    .string()
    .min(1)
    .refine((entry) => isPath(entry) || definitionOf(entry) !== undefined, { error: ({ input }) => unknown(input) })
    .describe('One of these by its name with its defaults, or the path of a module of your own.'),
  ...transforms.map(({ name, settings, summary }) => z.strictObject({ [name]: settings.describe(summary) })),
]);

/** Schema of the `transform` field: by topic, one entry or several in the order in which they run. */
export const transformSchema = z
  .record(
    z.string(),
    z
      .union([entrySchema, z.array(entrySchema).min(1)])
      .transform((entries): readonly TransformEntry[] =>
        Array.isArray(entries) ? entries : [entries as TransformEntry],
      ),
  )
  .default({});

/** One entry of `transform` and where it is written. */
export interface PlacedEntry {
  readonly topic: string;
  /** Field, for messages. */
  readonly where: string;
  readonly entry: TransformEntry;
}

export function placedEntries(transform: Readonly<Record<string, readonly TransformEntry[]>>): PlacedEntry[] {
  return Object.entries(transform).flatMap(([topic, entries]) =>
    entries.map((entry, i) => ({ topic, entry, where: `transform.${topic}${entries.length > 1 ? `[${i}]` : ''}` })),
  );
}

/** The path of an entry that is a module of the user's own; undefined for a transform of the package. */
export const moduleOf = (entry: TransformEntry): string | undefined =>
  typeof entry === 'string' && definitionOf(entry) === undefined ? entry : undefined;

/** Paths of the modules that a spec names, by topic. */
export const transformModules = (transform: Readonly<Record<string, readonly TransformEntry[]>>) =>
  placedEntries(transform).flatMap(({ topic, entry }) => {
    const path = moduleOf(entry);
    return path === undefined ? [] : [{ topic, path }];
  });

/**
 * A transform of the package.
 * @throws {UserError} `unknown-transform`, `bad-settings`; `bad-plan` behind a topic that it cannot follow
 */
export function registeredTransform({ topic, where, entry }: PlacedEntry): Transform {
  const [name, input] = typeof entry === 'string' ? [entry, {}] : (Object.entries(entry)[0] ?? ['', {}]);
  const definition: TransformDefinition | undefined = definitionOf(name);
  if (!definition) throw new UserError('unknown-transform', `${where}: ${unknown(name)}`);
  const follows = definition.topics.find((known) => known === topic);
  if (!follows) {
    const message = `${where}: ${name} cannot follow ${topic}; expected ${definition.topics.join(', ')}`;
    throw new UserError('bad-plan', message);
  }
  const settings = parseSettings(definition.settings, input, `${where}.${name}`);
  const { unit, drops } = definition;
  return defineTransform<GroupTopic>(follows, name, unitOperator(definition, settings), { unit, drops });
}

/**
 * A transform of the package, for `transform` in a chain of operators.
 * @throws {UserError} as `registeredTransform`
 * @example
 * const best = namedTransform('verdicts', { bestOf: { keep: 2 } });
 * verdicts$.pipe(transform('verdicts', best.operator, { ...best, onDeadLetter }));
 */
export function namedTransform<T extends GroupTopic>(topic: T, entry: NamedTransform): Transform<T> {
  // It follows this topic, so it only ever gets its samples.
  return registeredTransform({ topic, entry, where: 'transform' }) as unknown as Transform<T>;
}

const definitionOf = (name: string) => transforms.find((definition) => definition.name === name);

function unknown(found: unknown): string {
  const near = typeof found === 'string' ? nearest(found, names) : undefined;
  const hint = near ? `did you mean ${near}?` : `expected ${names.join(', ')}, or the path of a module`;
  return `unknown transform ${JSON.stringify(found)}; ${hint}`;
}
