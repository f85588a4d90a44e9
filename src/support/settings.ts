import type { z } from 'zod';
import { UserError } from './errors.js';

/**
 * Settings checked by their schema, with defaults filled in.
 * @param where path of the settings in what the user wrote, such as `model.engine.onnx`
 * @throws {UserError} `bad-settings` with one line per problem: field, found, expected
 */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where: string,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new UserError('bad-settings', parsed.error.issues.map((issue) => problemOf(issue, input, where)).join('\n'));
}

function problemOf(issue: z.core.$ZodIssue, input: unknown, where: string): string {
  const field = [where, ...issue.path].join('.');
  if (issue.code === 'unrecognized_keys') return `${field}: unknown setting ${issue.keys.join(', ')}`;
  const found = JSON.stringify(valueAt(input, issue.path));
  const message = issue.message.replace(/^Invalid (input|option): /, '').replace(/, received .*$/, '');
  return `${field}: found ${found ?? 'nothing'}, ${message.startsWith('expected') ? message : `expected ${message}`}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}
