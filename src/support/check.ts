import type { z } from 'zod';
import { nearest, UserError } from './errors.js';
import { ExactNumber } from './exact-json.js';
import { expectedBy, fieldsAt, placeOf, valueAt, withoutEchoes } from './settings.js';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** One thing that is wrong with a value. */
export interface Problem {
  readonly path: Path;
  readonly kind: 'bad-field' | 'unknown-field';
  /** Found and expected value. Quotes text, which may be secret, only where one of a few names is expected. */
  readonly message: string;
}

/** Describes a value without quoting it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (value instanceof ExactNumber) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/**
 * Checks a value and fills in defaults. A field that is null counts as absent, as in YAML.
 *
 * @param where the value's place, for messages: `verify.math`
 * @throws {UserError} `bad-field` or `unknown-field`, one line per problem: place, found, expected, and the nearest
 * name.
 */
export function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(withoutNulls(value));
  if (result.success) return result.data;
  const problems = withoutEchoes(result.error.issues).flatMap((issue) => problemsOf(issue, schema, value));
  const lines = problems.map(({ path, message }) => `${placeOf(where, path)}: ${message}`);
  throw new UserError(problems[0]?.kind ?? 'bad-field', lines.join('\n'));
}

/** Everything that is wrong with a value. Empty if it is valid. */
export function findProblems(schema: z.ZodType, value: unknown): readonly Problem[] {
  const result = schema.safeParse(withoutNulls(value));
  return result.success ? [] : withoutEchoes(result.error.issues).flatMap((issue) => problemsOf(issue, schema, value));
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

function problemsOf(issue: Issue, schema: z.ZodType, value: unknown): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path);
    return issue.keys.map((key) => {
      const message = `unknown field, expected one of ${known.join(', ')}${suggestion(key, known)}`;
      return { path: [...path, key], kind: 'unknown-field', message };
    });
  }
  if (issue.code === 'custom') return [{ path, kind: 'bad-field', message: issue.message }];
  const found = valueAt(value, path);
  const near =
    issue.code === 'invalid_value' && typeof found === 'string' ? suggestion(found, issue.values.map(String)) : '';
  return [{ path, kind: 'bad-field', message: `found ${foundBy(issue, found)}, expected ${expectedBy(issue)}${near}` }];
}

const suggestion = (name: string, known: readonly string[]): string => {
  const near = nearest(name, known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
};

const isAboutNumbers = (issue: Issue): boolean =>
  (issue.code === 'invalid_type' && (issue.expected === 'number' || issue.expected === 'int')) ||
  ((issue.code === 'too_small' || issue.code === 'too_big') && (issue.origin === 'number' || issue.origin === 'int'));

const SHOWN_CHARACTERS = 60;

function foundBy(issue: Issue, found: unknown): string {
  if (typeof found === 'number' && isAboutNumbers(issue)) return `the number ${found}`;
  if (typeof found === 'string' && issue.code === 'invalid_value')
    return `the string ${JSON.stringify(found.slice(0, SHOWN_CHARACTERS))}`;
  if (issue.code === 'too_small' && Array.isArray(found) && found.length === 0) return 'an empty list';
  return found === '' ? 'an empty string' : kindOf(found);
}
