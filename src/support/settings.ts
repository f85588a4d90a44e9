import { z } from 'zod';
import { nearest, UserError } from './errors.js';
import { withoutLogins } from './secrets.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Checks settings against a schema and fills in its defaults.
 * @param where path of the settings in what the user wrote, such as `topics.kafka`; empty for top-level settings
 * @throws {UserError} `bad-settings`, or another code, with one line per problem: field, found, expected
 * @example parseSettings(z.strictObject({ retries: z.int().min(0).default(3) }), { retires: 5 })
 * // retires: unknown field; did you mean retries?
 */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where = '',
  code = 'bad-settings',
): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const lines = settingProblems(result.error.issues, schema, input).map(({ path, message }) => {
    const place = placeOf(where, path);
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new UserError(code, lines.join('\n'));
}

/** One thing that is wrong with settings. */
export interface SettingProblem {
  readonly path: Path;
  /** Found and expected value, or the nearest name: `found 0; expected …`. */
  readonly message: string;
}

/** What is wrong with an input, from what its schema found: one problem per field, of a union's nearest branch. */
export function settingProblems(issues: readonly Issue[], schema: z.ZodType, input: unknown): SettingProblem[] {
  return withoutEchoes(issues).flatMap((issue) => problemsOf(issue, schema, input));
}

/**
 * Without a length of what has the wrong type: zod measures a text where it expects a list. Of several limits on a
 * value the last counts: the one before it is that of all whole numbers.
 */
export function withoutEchoes(issues: readonly Issue[]): readonly Issue[] {
  const mistyped = new Set(issues.flatMap(({ code, path }) => (code === 'invalid_type' ? path.join('.') : [])));
  const limits = new Map(issues.map((issue) => [`${issue.code} ${issue.path.join('.')}`, issue]));
  return issues.filter(
    (issue) =>
      !/^too_/.test(issue.code) ||
      (!mistyped.has(issue.path.join('.')) && limits.get(`${issue.code} ${issue.path.join('.')}`) === issue),
  );
}

function problemsOf(issue: Issue, schema: z.ZodType, input: unknown): SettingProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: refusalOf(key, path, schema, input) }));
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const known = knownKeys(path, schema, input);
    const unknown = unknownToAll(issue.errors).filter((key) => !known.includes(key));
    const branch: readonly Issue[] | undefined =
      unknown.length > 0
        ? [{ code: 'unrecognized_keys', keys: unknown, path: [], message: '' }]
        : nearestBranch(issue.errors, known);
    if (branch)
      return branch.flatMap((inner) => problemsOf({ ...inner, path: [...path, ...inner.path] }, schema, input));
  }
  // A custom check reports the found value itself, or omits it because it may be a secret.
  if (issue.code === 'custom') return [{ path, message: issue.message }];
  const written = writtenPart(input, path);
  const found = valueAt(input, written);
  const what = found === undefined ? 'is missing' : `found ${shown(found, written)}`;
  return [{ path: written, message: `${what}; expected ${expectation(issue)}` }];
}

/** The path without what a schema made of a text or number: item 0 of a list that was written as `a,b` is `a,b`. */
function writtenPart(input: unknown, path: Path): Path {
  const depth = path.findIndex((_, length) => {
    const outer = valueAt(input, path.slice(0, length));
    return outer !== undefined && outer !== null && typeof outer !== 'object';
  });
  return depth < 0 ? path : path.slice(0, depth);
}

/** Why a field does not belong there: unknown, or of another variant than the fields next to it. */
function refusalOf(key: string, path: Path, schema: z.ZodType, input: unknown): string {
  const variants = variantsAt(schema, path);
  const known = [...new Set(variants.flat())];
  if (!known.includes(key)) {
    const near = nearest(key, known);
    return `unknown field; ${near === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`}`;
  }
  const present = Object.keys(Object(valueAt(input, path)));
  const others = present.filter((other) => !variants.some((keys) => keys.includes(key) && keys.includes(other)));
  if (others.length === 0)
    return `found ${shown(valueAt(input, [...path, key]), [...path, key])}; this field does not take that`;
  return `does not go with ${others.join(', ')}; expected one or the other`;
}

/** `where` and a path as shown in messages: `sasl.plain.username`, `brokers[1]`. */
export function placeOf(where: string, path: Path): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === 'number') return `${place}[${key}]`;
    return place === '' ? String(key) : `${place}.${String(key)}`;
  }, where);
}

const SHOWN_CHARACTERS = 200;

/** Names of fields that contain a secret, or something else where one was expected. */
const SECRET = /(password|passwd|passphrase|secret|token|credentials?|authorization|api[-_]?key|sasl|tls)$/i;

const isSecret = (key: PropertyKey): boolean => typeof key === 'string' && SECRET.test(key);

/** JSON has no NaN, no Infinity and no functions; a long value is cut, and what may be a secret is left out. */
function shown(value: unknown, path: Path): string {
  if (path.some(isSecret) && path.at(-1) !== 'url') return 'something else, not shown since it may be a secret';
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const json = JSON.stringify(value, (key, inner: unknown) => (isSecret(key) ? '…' : inner));
  const text = isNumber ? String(value) : withoutLogins(json ?? `a ${typeof value}`);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

const types: Readonly<Partial<Record<string, string>>> = {
  string: 'a string',
  number: 'a number',
  ExactNumber: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What a field takes, from an issue whose schema has no words of its own for it. */
export function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected;
    case 'invalid_value': {
      const values = issue.values.map(String).join(', ');
      return issue.values.length === 1 ? values : `one of ${values}`;
    }
    case 'too_small':
      if (issue.origin === 'array') return `at least ${issue.minimum} ${issue.minimum === 1 ? 'item' : 'items'}`;
      if (issue.origin === 'string') return issue.minimum === 1 ? 'a text' : `at least ${issue.minimum} characters`;
      if (issue.origin !== 'number' && issue.origin !== 'int') return `at least ${issue.minimum}`;
      return `a number ${issue.inclusive === false ? 'above' : 'of at least'} ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'string') return `at most ${issue.maximum} characters`;
      if (issue.origin !== 'number' && issue.origin !== 'int') return `at most ${issue.maximum}`;
      return `a number ${issue.inclusive === false ? 'below' : 'of at most'} ${issue.maximum}`;
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectedBy)))].join(' or ');
    default:
      return issue.message;
  }
}

/** Zod's own messages; a schema's own ones say what they expect. */
const BY_ZOD = /^(Invalid (input|option)|Too (small|big))\b/;

function expectation(issue: Issue): string {
  if (!BY_ZOD.test(issue.message)) return issue.message.replace(/^expected /, '');
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return expectedBy(issue);
  return [...new Set(issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectation)))].join(' or ');
}

/** Keys that no branch of a union knows. Branches that take no object, or only lack their own key, are left out. */
function unknownToAll(branches: readonly (readonly Issue[])[]): string[] {
  const takesNone = ({ code, path }: Issue) => path.length === 0 && code !== 'unrecognized_keys';
  const candidates = branches.filter((issues) => !issues.some(takesNone) && !issues.every(isMissing));
  const [first = [], ...rest] = candidates.map((issues) =>
    issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [])),
  );
  return first.filter((key) => rest.every((keys) => keys.includes(key)));
}

/** Keys of the input at a path that a variant of the schema has. */
function knownKeys(path: Path, schema: z.ZodType, input: unknown): string[] {
  const known = fieldsAt(schema, path);
  return Object.keys(Object(valueAt(input, path))).filter((key) => known.includes(key));
}

type Branch = readonly Issue[];

/** Below a branch of which only its own key is missing. */
const KNOWS_NO_KEY = 0.25;

/** The branch of a union that matches the input best; undefined if all fail at the top level. */
function nearestBranch(branches: readonly (readonly Issue[])[], known: readonly string[]): Branch | undefined {
  const knowsNone = (issues: Branch) =>
    known.length > 0 &&
    known.every((key) => issues.some((issue) => issue.code === 'unrecognized_keys' && issue.keys.includes(key)));
  const ranked = branches
    .map((issues) => ({ issues, depth: knowsNone(issues) ? KNOWS_NO_KEY : depthOf(issues) }))
    .sort((a, b) => b.depth - a.depth);
  const [best] = ranked;
  return best && best.depth > 0 ? best.issues : undefined;
}

/**
 * How well the input matches a branch. A branch that knows every key comes first, then those that know more of them,
 * and one whose own key is missing last.
 */
function depthOf(issues: readonly Issue[]): number {
  const depths = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return 2 + 2 * issue.path.length;
    if (isMissing(issue)) return 0.5;
    const inner = issue.code === 'invalid_union' ? Math.max(0, ...issue.errors.map(depthOf)) : 0;
    return 2 * issue.path.length + inner;
  });
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  return Math.max(0, ...depths) - (unknown.length > 0 ? 1 + unknown.length / 100 : 0);
}

const isMissing = ({ code, path, message }: Issue): boolean =>
  code === 'invalid_type' && path.length === 1 && message.endsWith('received undefined');

/** The value at a path of plain data, if any. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}

/** Names of the fields that a schema knows at a path, through defaults and unions. */
export const fieldsAt = (schema: unknown, path: Path): string[] => [...new Set(variantsAt(schema, path).flat())];

/** The same for each variant of a union. */
function variantsAt(schema: unknown, path: Path): string[][] {
  const objects = path.reduce<unknown[]>((outer, key) => outer.flatMap((one) => innerOf(one, key)), unwrap(schema));
  return objects.map((object) => (object instanceof z.ZodObject ? Object.keys(object.shape) : []));
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
