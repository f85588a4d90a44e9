import { z } from 'zod';
import { nearest, UserError } from './errors.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Checks settings against a schema and fills in its defaults.
 * @param where path of the settings in what the user wrote, such as `topics.kafka`; empty for top-level settings
 * @throws {UserError} `bad-settings`, or another code, with one line per problem: field, found, expected
 * @example parseSettings(z.strictObject({ retries: z.int().min(0).default(3) }), { retires: 5 })
 * // retires: no such setting; did you mean retries?
 */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where = '',
  code = 'bad-settings',
): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describe(issue, schema, input, where));
  throw new UserError(code, problems.join('\n'));
}

function describe(issue: Issue, schema: z.ZodType, input: unknown, where: string): string[] {
  const at = (path: Path) => placeOf(where, path);
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, issue.path);
    const present = Object.keys(Object(valueAt(input, issue.path)));
    return issue.keys.map((key) => {
      if (known.includes(key)) {
        const others = present.filter((other) => other !== key && known.includes(other));
        return `${at([...issue.path, key])}: does not go with ${others.join(', ')}, expected one or the other`;
      }
      const near = nearest(key, known);
      const rest = near === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`;
      return `${at([...issue.path, key])}: no such setting; ${rest}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const unknown = unknownToAll(issue.errors);
    const branch: readonly Issue[] | undefined =
      unknown.length > 0
        ? [{ code: 'unrecognized_keys', keys: unknown, path: [], message: '' }]
        : nearestBranch(issue.errors);
    if (branch)
      return branch.flatMap((inner) =>
        describe({ ...inner, path: [...issue.path, ...inner.path] }, schema, input, where),
      );
  }
  const field = at(issue.path);
  const prefix = field === '' ? '' : `${field}: `;
  // A custom check reports the found value itself, or omits it because it may be a secret.
  if (issue.code === 'custom') return [`${prefix}${issue.message}`];
  const found = valueAt(input, issue.path);
  return [`${prefix}${found === undefined ? 'missing' : `found ${shown(found)}`}, ${expectation(issue)}`];
}

/** `where` and a path as shown in messages: `sasl.plain.username`, `brokers[1]`. */
export function placeOf(where: string, path: Path): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === 'number') return `${place}[${key}]`;
    return place === '' ? String(key) : `${place}.${String(key)}`;
  }, where);
}

/** JSON has no NaN and no Infinity. */
const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : JSON.stringify(value));

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectation)).join(' or ');
  const message = issue.message
    .replace(/^(Invalid (input|option)|Too (small|big)): /, '')
    .replace(/, received .*$/, '');
  return message.startsWith('expected') ? message : `expected ${message}`;
}

/** Keys that no branch of a union knows. */
function unknownToAll(branches: readonly (readonly Issue[])[]): string[] {
  const [first = [], ...rest] = branches.map((issues) =>
    issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [])),
  );
  return first.filter((key) => rest.every((keys) => keys.includes(key)));
}

/** The branch of a union that matches the input best; undefined if all fail at the top level. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const ranked = branches.map((issues) => ({ issues, depth: depthOf(issues) })).sort((a, b) => b.depth - a.depth);
  const [best] = ranked;
  return best && best.depth > 0 ? best.issues : undefined;
}

/** How well the input matches a branch. A branch that knows every key comes first. */
function depthOf(issues: readonly Issue[]): number {
  const depths = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return 2 + 2 * issue.path.length;
    const inner = issue.code === 'invalid_union' ? Math.max(0, ...issue.errors.map(depthOf)) : 0;
    return 2 * issue.path.length + inner;
  });
  const strangers = issues.some(({ code }) => code === 'unrecognized_keys');
  return Math.max(0, ...depths) - (strangers ? 1 : 0);
}

/** The value at a path of plain data, if any. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}

/** Names of the fields that a schema knows at a path, through defaults and unions. */
export function fieldsAt(schema: unknown, path: Path): string[] {
  const objects = path.reduce<unknown[]>((outer, key) => outer.flatMap((one) => innerOf(one, key)), unwrap(schema));
  return [...new Set(objects.flatMap((object) => (object instanceof z.ZodObject ? Object.keys(object.shape) : [])))];
}

function innerOf(schema: unknown, key: PropertyKey): unknown[] {
  if (schema instanceof z.ZodArray) return unwrap(schema.element);
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType);
  return schema instanceof z.ZodObject ? unwrap(Reflect.get(schema.shape, key)) : [];
}

/** The schemas inside a wrapper, a union or the input of a pipe. */
function unwrap(schema: unknown): unknown[] {
  const { innerType, options, in: input } = definitionOf(schema);
  if (options !== undefined) return options.flatMap(unwrap);
  const inner = innerType ?? input;
  return inner === undefined ? [schema] : unwrap(inner);
}

function definitionOf(schema: unknown): {
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly options?: readonly unknown[];
} {
  if (typeof schema !== 'object' || schema === null || !('def' in schema)) return {};
  return typeof schema.def === 'object' && schema.def !== null ? schema.def : {};
}
