import { nearest, UserError } from '../support/errors.js';

/** A JSON object whose fields are read one by one, each with its own complaint. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a value is, without a word of it: it may be a reference's. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const fail = (where: string, found: unknown, expected: string, described = describe(found)): never => {
  throw new UserError('bad-field', `${where}: found ${described}, expected ${expected}`);
};

export const at = (where: string, name: string): string => (where === '' ? name : `${where}.${name}`);

/** An object; with `known`, one that has no other fields. */
export function readObject(value: unknown, where: string, known?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(where, value, 'an object');
  for (const name of known ? Object.keys(value) : []) {
    if (known?.includes(name)) continue;
    const near = nearest(name, known ?? []);
    throw new UserError(
      'unknown-field',
      `${at(where, name)}: unknown field, expected one of ${known?.join(', ')}${near ? `; did you mean "${near}"?` : ''}`,
    );
  }
  return value as Fields;
}

/** JSON text that holds an object. The message never quotes the text, which may be a reference. */
export function readJsonObject(text: string | null, where: string): Fields {
  if (text === null) return fail(where, undefined, 'a JSON object');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError('bad-json', `${where}: found text that is not JSON, expected a JSON object`);
  }
  return readObject(value, where);
}

export function readString(fields: Fields, name: string, where: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : fail(at(where, name), value, 'a string');
}

export function readStrings(fields: Fields, name: string, where: string): readonly string[] {
  return readList(fields, name, where).map((value, index) =>
    typeof value === 'string' ? value : fail(`${at(where, name)}[${index}]`, value, 'a string'),
  );
}

export function readList(fields: Fields, name: string, where: string): readonly unknown[] {
  const value = fields[name];
  return Array.isArray(value) ? value : fail(at(where, name), value, 'a list');
}

export function readBoolean(fields: Fields, name: string, where: string): boolean {
  const value = fields[name];
  return typeof value === 'boolean' ? value : fail(at(where, name), value, 'true or false');
}

/** A finite number within the bounds, both included. */
export function readNumber(fields: Fields, name: string, where: string, least = -Infinity, most = Infinity): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
  const bounds = `${least === -Infinity ? '' : ` from ${least}`}${most === Infinity ? '' : ` up to ${most}`}`;
  const described = typeof value === 'number' ? `the number ${value}` : undefined;
  return fail(at(where, name), value, `a number${bounds}`, described);
}

/** A whole number within the bounds, both included. */
export function readWhole(fields: Fields, name: string, where: string, least: number, most: number): number {
  const value = readNumber(fields, name, where, least, most);
  return Number.isInteger(value)
    ? value
    : fail(at(where, name), value, `a whole number from ${least} up to ${most}`, `the number ${value}`);
}

export function readChoice<T extends string>(fields: Fields, name: string, where: string, choices: readonly T[]): T {
  const value = fields[name];
  const choice = choices.find((one) => one === value);
  if (choice !== undefined) return choice;
  const text = typeof value === 'string' ? value : undefined;
  const near = text === undefined ? undefined : nearest(text, choices);
  const expected = `one of ${choices.join(', ')}${near ? `; did you mean "${near}"?` : ''}`;
  return fail(
    at(where, name),
    value,
    expected,
    text === undefined ? undefined : `the string ${JSON.stringify(text.slice(0, 60))}`,
  );
}

/** `read`, or `otherwise` where the field is absent or null. */
export function optional<T, D>(fields: Fields, name: string, read: () => T, otherwise: D): T | D {
  return fields[name] === undefined || fields[name] === null ? otherwise : read();
}
