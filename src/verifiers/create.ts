import { nearest, UserError } from '../support/errors.js';
import { allOf, anyOf, checked, weighted } from './combine.js';
import { describe, readNumber, readObject } from './fields.js';
import { createHttpVerifier, readHttpSettings } from './http/verifier.js';
import { kinds } from './kinds.js';
import { openPool, type Pool } from './pool.js';
import type { Verifier } from './verifier.js';

export interface CreateOptions {
  /** Workers that judge at a time, where `pool` is not given; by default one a processor, 8 at most. */
  readonly workers?: number;
  /** Shared with other verifiers; then it is the caller's to close. */
  readonly pool?: Pool;
  /** Where the spec stands, for messages: `verify` by default. */
  readonly where?: string;
  /** What paths in the settings are relative to: the working directory by default. */
  readonly folder?: string;
}

const combinations = ['all', 'any', 'weighted', 'checked'];

/** Names that a spec can have: the kinds of verifiers and the ways to combine them. */
export const verifierNames: readonly string[] = [...Object.keys(kinds), 'http', ...combinations];

/**
 * Builds a verifier from its declaration, an object with one key, the kind, over the kind's settings.
 *
 * @example
 * await createVerifier({ code: { languages: ['python'], reward: 'fraction' } });
 * await createVerifier({ weighted: [{ weight: 0.9, verify: { math: {} } }, { weight: 0.1, verify: { format: { pattern: '<think>.*</think>.*' } } }] });
 * @throws UserError for an unknown name, a setting that is wrong, and a machine that cannot run what was asked for.
 */
export async function createVerifier(spec: unknown, options: CreateOptions = {}): Promise<Verifier> {
  const pool = options.pool ?? openPool(options.workers);
  const verifier = await build(spec, options.where ?? 'verify', { pool, folder: options.folder });
  if (options.pool) return verifier;
  return {
    ...verifier,
    async close() {
      await verifier.close();
      await pool.close();
    },
  };
}

interface Surroundings {
  readonly pool: Pool;
  readonly folder: string | undefined;
}

async function build(spec: unknown, where: string, around: Surroundings): Promise<Verifier> {
  const fields = readObject(spec, where);
  const [name, ...more] = Object.keys(fields);
  if (name === undefined || more.length > 0) {
    throw new UserError(
      'bad-verifier',
      `${where}: found ${name === undefined ? 'nothing' : `${name}, ${more.join(', ')}`}, expected one kind of verifier; all, any and weighted combine several`,
    );
  }
  const settings = fields[name] ?? {};
  const place = `${where}.${name}`;
  if (name === 'http') return createHttpVerifier(readHttpSettings(settings, place));
  if (combinations.includes(name)) return combination(name, settings, place, around);
  const kind = kinds[name];
  if (!kind || !Object.hasOwn(kinds, name)) {
    const near = nearest(name, verifierNames);
    throw new UserError(
      'unknown-verifier',
      `${where}: found "${name}", expected one of ${verifierNames.join(', ')}${near ? `; did you mean "${near}"?` : ''}`,
    );
  }
  const judge = await kind(settings, place, around.folder);
  await judge.check?.();
  return {
    name,
    hash: judge.hash,
    verify: (question, signal) =>
      around.pool.run({ kind: name, settings: judge.settings ?? settings, question }, judge.seconds, signal),
    close: async () => {},
  };
}

async function combination(name: string, settings: unknown, where: string, around: Surroundings): Promise<Verifier> {
  if (!Array.isArray(settings) || settings.length === 0) {
    throw new UserError('bad-verifier', `${where}: found ${describe(settings)}, expected a list of verifiers`);
  }
  const list: readonly unknown[] = settings;
  if (name === 'weighted') {
    return weighted(
      await Promise.all(
        list.map(async (part, i) => {
          const at = `${where}[${i}]`;
          const fields = readObject(part, at, ['weight', 'verify']);
          return {
            weight: readNumber(fields, 'weight', at),
            verifier: await build(fields.verify, `${at}.verify`, around),
          };
        }),
      ),
    );
  }
  const parts = await Promise.all(list.map((part, i) => build(part, `${where}[${i}]`, around)));
  if (name === 'all') return allOf(parts);
  if (name === 'any') return anyOf(parts);
  const [first, second, ...others] = parts;
  if (!first || !second || others.length > 0) {
    throw new UserError(
      'bad-verifier',
      `${where}: found ${parts.length} verifiers, expected two: the one that judges and the one that checks it`,
    );
  }
  return checked(first, second);
}
