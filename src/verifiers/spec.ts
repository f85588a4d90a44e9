import { parse } from 'node:path';
import { z } from 'zod';
import { findProblems, kindOf, type Problem } from '../support/check.js';
import { nearest } from '../support/errors.js';
import type { LocalKind, PooledKind } from './kind.js';
import { findKind, moduleKind, verifierKinds } from './registry.js';
import type { Verifier } from './verifier.js';

type Path = readonly PropertyKey[];
type Fields = Readonly<Record<string, unknown>>;

/** How several verifiers become one. */
export const combinations = ['all', 'any', 'weighted', 'checked'] as const;
export type Combination = (typeof combinations)[number];

/** The older spelling of a module: `function: { module: ./mine.mjs }`. */
const OLD_MODULE = 'function';

/** Names that a spec can have: the kinds of verifiers and the ways to combine them. */
export const verifierNames: readonly string[] = [
  ...verifierKinds.map(({ name }) => name),
  OLD_MODULE,
  ...combinations,
  moduleKind.name,
];

export interface WeightedPart {
  readonly weight: number;
  readonly verify: unknown;
}

/** What one declaration says. Its settings are not checked yet. */
export type Declared =
  | { readonly form: 'verifier'; readonly verifier: Verifier }
  | {
      readonly form: 'kind';
      readonly kind: PooledKind | LocalKind;
      readonly name: string;
      readonly settings: unknown;
      readonly path: Path;
    }
  | { readonly form: 'weighted'; readonly parts: readonly WeightedPart[] }
  | { readonly form: 'all' | 'any'; readonly parts: readonly unknown[] }
  | { readonly form: 'checked'; readonly parts: readonly [first: unknown, second: unknown] }
  | { readonly form: 'problems'; readonly problems: readonly Problem[] };

const problem = (path: Path, message: string, kind: Problem['kind'] = 'bad-field'): Declared => ({
  form: 'problems',
  problems: [{ path, kind, message }],
});

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isVerifier = (value: Fields): boolean => typeof value.verify === 'function' && typeof value.hash === 'string';

/** Reads one declaration: a `Verifier`, a module, or an object with one key, the kind or the combination. */
export function declared(spec: unknown): Declared {
  if (!isFields(spec)) return problem([], `found ${kindOf(spec)}, expected a verifier such as { math: {} }`);
  if (isVerifier(spec)) return { form: 'verifier', verifier: spec as unknown as Verifier };
  const module = spec[moduleKind.name];
  if (typeof module === 'string')
    return { form: 'kind', kind: moduleKind, name: parse(module).name, settings: spec, path: [] };
  const names = Object.keys(spec);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    const found = name === undefined ? 'nothing' : names.join(', ');
    return problem([], `found ${found}, expected one kind of verifier; all, any and weighted combine several`);
  }
  const settings = spec[name] ?? {};
  const combination = combinations.find((one) => one === name);
  if (combination) return declaredCombination(combination, settings);
  const kind = name === OLD_MODULE ? moduleKind : findKind(name);
  if (kind && name !== moduleKind.name) return { form: 'kind', kind, name, settings, path: [name] };
  if (kind) return problem([name], `found ${kindOf(settings)}, expected a JavaScript or TypeScript module`);
  const near = nearest(name, verifierNames);
  const expected = `expected one of ${verifierNames.join(', ')}${near ? `; did you mean "${near}"?` : ''}`;
  return problem([], `found "${name}", ${expected}`);
}

const weightedParts = z.array(z.strictObject({ weight: z.number(), verify: z.unknown() }));

function declaredCombination(form: Combination, parts: unknown): Declared {
  if (!Array.isArray(parts) || parts.length === 0)
    return problem([form], `found ${kindOf(parts)}, expected a list of verifiers`);
  if (form === 'all' || form === 'any') return { form, parts };
  if (form === 'checked') {
    if (parts.length === 2) return { form, parts: [parts[0], parts[1]] };
    const expected = 'expected two: the one that judges and the one that checks it';
    return problem([form], `found ${parts.length} verifiers, ${expected}`);
  }
  const problems = findProblems(weightedParts, parts).map((one) => ({ ...one, path: [form, ...one.path] }));
  return problems.length > 0 ? { form: 'problems', problems } : { form, parts: weightedParts.parse(parts) };
}

/** Everything that is wrong with a declaration, without opening anything. */
export function verifyProblems(spec: unknown): readonly Problem[] {
  const found = declared(spec);
  const at = (path: Path, problems: readonly Problem[]) =>
    problems.map((one) => ({ ...one, path: [...path, ...one.path] }));
  switch (found.form) {
    case 'verifier':
      return [];
    case 'problems':
      return found.problems;
    case 'kind':
      return at(found.path, findProblems(found.kind.settings, found.settings));
    case 'weighted':
      return found.parts.flatMap(({ verify }, i) => at(['weighted', i, 'verify'], verifyProblems(verify)));
    default:
      return found.parts.flatMap((part, i) => at([found.form, i], verifyProblems(part)));
  }
}
