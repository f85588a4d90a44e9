import { code } from './code/kind.js';
import { compile } from './compile/kind.js';
import { http } from './http/kind.js';
import { jsonSchema } from './json-schema/kind.js';
import type { PooledKind, VerifierKind } from './kind.js';
import { math } from './math/kind.js';
import { mathVerify } from './math-verify/kind.js';
import { module } from './module/kind.js';
import { sql } from './sql/kind.js';
import { choice, exact, format, numeric, regex } from './text/kinds.js';

/** Every kind that a spec can name, in the order of the documentation. A new kind is one entry here. */
export const verifierKinds: readonly VerifierKind[] = [
  math,
  mathVerify,
  exact,
  choice,
  numeric,
  regex,
  format,
  code,
  compile,
  sql,
  jsonSchema,
  http,
];

/** Your own function, declared as `verify: { module: ./mine.mjs, … }` instead of by a name. */
export const moduleKind: PooledKind = module;

const byName: ReadonlyMap<string, VerifierKind> = new Map(
  [...verifierKinds, moduleKind].map((kind) => [kind.name, kind]),
);

export const findKind = (name: string): VerifierKind | undefined => byName.get(name);

/** A kind that workers of the pool run. */
export function pooledKind(name: string): PooledKind {
  const kind = byName.get(name);
  if (kind?.runs !== 'in the pool') throw new Error(`the pool runs no verifier called ${name}`);
  return kind;
}
