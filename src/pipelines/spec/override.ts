import { UserError } from '../../support/errors.js';
import { valueAt } from '../../support/settings.js';
import { parseYamlValue } from './read-yaml.js';
import { newPath, renamedWarning } from './renamed.js';

/** One `--set`. */
export interface Override {
  /** The field under its present name. */
  readonly path: string;
  /** undefined: the field is left out. */
  readonly value: unknown;
  readonly warning?: string;
}

/**
 * Reads `path=value`, the value in YAML; `null` leaves the field out, no value at all is none.
 * @throws {UserError} `bad-spec`
 * @example parseOverride('shape.rlsd.weightClip=[0.8, 2]')
 */
export function parseOverride(set: string): Override {
  const at = set.indexOf('=');
  const written = set.slice(0, at).trim();
  const keys = written.split('.');
  if (at < 1 || keys.includes('') || keys.includes('__proto__'))
    throw new UserError('bad-spec', `--set ${set}: expected path=value, such as learn.lr=1e-4`);
  const path = newPath(written);
  const text = set.slice(at + 1);
  let value: unknown;
  try {
    value = text.trim() === 'null' ? undefined : parseYamlValue(text);
  } catch (error) {
    throw new UserError('bad-spec', `--set ${written}: ${(error as Error).message}`);
  }
  return { path, value, ...(path !== written && { warning: `--set ${written}: ${renamedWarning(written, path)}` }) };
}

/**
 * The data with one field replaced or left out; maps on the way are made.
 * @throws {UserError} `bad-spec` for an index that a list does not have
 */
export function withOverride(data: unknown, { path, value }: Override): unknown {
  return replaced(data, path.split('.'), value, path);
}

type Path = readonly PropertyKey[];

/**
 * Where a field is written, of a file and its overrides: the override that sets it, or that made the map around it, and
 * otherwise its place in the file, with the override inside it.
 * @param data the file without the overrides
 */
export const locateAmong =
  (overrides: readonly Override[], data: unknown, locate: (path: Path) => string) =>
  (path: Path): string => {
    const dotted = path.join('.');
    const set = overrides.find((one) => dotted === one.path || dotted.startsWith(`${one.path}.`));
    if (set) return `--set ${set.path}`;
    const made = path.map((_, depth) => path.slice(0, depth + 1)).find((part) => valueAt(data, part) === undefined);
    const inside = overrides.find((one) => one.path.startsWith(`${(made ?? path).join('.')}.`));
    if (!inside) return locate(path);
    return made ? `--set ${inside.path}` : `${locate(path)} with --set ${inside.path}`;
  };

function replaced(data: unknown, [key, ...rest]: readonly string[], value: unknown, path: string): unknown {
  if (key === undefined) return value;
  if (Array.isArray(data)) {
    const index = Number(key);
    if (!/^\d+$/.test(key) || index > data.length)
      throw new UserError(
        'bad-spec',
        `--set ${path}: ${key} is no place in a list of ${data.length}; expected 0 to ${data.length}`,
      );
    const items: readonly unknown[] = data;
    const inner = replaced(items[index], rest, value, path);
    return [...items.slice(0, index), inner, ...items.slice(index + 1)];
  }
  const fields = typeof data === 'object' && data !== null ? data : {};
  const before: unknown = Object.hasOwn(fields, key) ? Object.entries(fields).find(([name]) => name === key)?.[1] : {};
  if (rest.length > 0 || value !== undefined) return { ...fields, [key]: replaced(before, rest, value, path) };
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
}
