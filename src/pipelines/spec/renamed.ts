/** A field of the spec that has a new name. Both live in the same map, and the new one reads every value of the old. */
export interface RenamedField {
  /** Path of the old name: `learn.decay`. */
  readonly old: string;
  /** Name that replaces the last part of the path: `schedule`. */
  readonly name: string;
}

/** Fields renamed since the last release. The next release drops the old names. */
export const renamedFields: readonly RenamedField[] = [
  { old: 'learn.decay', name: 'schedule' },
  { old: 'learn.miniBatches', name: 'updatesPerEpoch' },
  { old: 'shape.rlsd.clip', name: 'weightClip' },
  { old: 'through', name: 'transform' },
];

/** The path under its new name: `learn.decay` gives `learn.schedule`. A path that was not renamed stays as it is. */
export function newPath(path: string, fields: readonly RenamedField[] = renamedFields): string {
  const field = fields.find(({ old }) => path === old || path.startsWith(`${old}.`));
  return field ? replacement(field) + path.slice(field.old.length) : path;
}

/** What to tell the user of an old name. */
export const renamedWarning = (old: string, path: string): string =>
  `${old} is now called ${path}; the old name will be removed in the next release`;

export interface Renamed {
  /** The data under the new names; the input itself is not changed. */
  readonly data: unknown;
  /** Fields found under their old names. */
  readonly found: readonly { readonly old: string; readonly path: string }[];
}

/**
 * Reads a spec's old field names. A field that is there under both names stays under both, so that the check reports
 * the old one.
 *
 * @example
 * renameFields({ learn: { decay: 'linear' } }).data; // { learn: { schedule: 'linear' } }
 */
export function renameFields(input: unknown, fields: readonly RenamedField[] = renamedFields): Renamed {
  const found: { readonly old: string; readonly path: string }[] = [];
  const data = fields.reduce((value, field) => {
    const renamed = rename(value, field.old.split('.'), field.name);
    if (renamed === value) return value;
    found.push({ old: field.old, path: replacement(field) });
    return renamed;
  }, input);
  return { data, found };
}

const replacement = ({ old, name }: RenamedField): string => [...old.split('.').slice(0, -1), name].join('.');

/** The value with one key renamed, in its place among the others; the value itself where it has no such key. */
function rename(value: unknown, [key, ...rest]: readonly string[], name: string): unknown {
  if (typeof value !== 'object' || value === null || key === undefined || !Object.hasOwn(value, key)) return value;
  const entries: readonly [string, unknown][] = Object.entries(value);
  if (rest.length === 0) {
    if (Object.hasOwn(value, name)) return value;
    return Object.fromEntries(entries.map(([field, inner]) => [field === key ? name : field, inner]));
  }
  const inner: unknown = entries.find(([field]) => field === key)?.[1];
  const renamed = rename(inner, rest, name);
  if (renamed === inner) return value;
  return Object.fromEntries(entries.map(([field, other]) => [field, field === key ? renamed : other]));
}
