import { check } from '../support/check.js';
import { UserError } from '../support/errors.js';
import { redactAll, revealAll } from '../support/secrets.js';
import { placeOf } from '../support/settings.js';
import { allOf, anyOf, checked, weighted } from './combine.js';
import { type LocalKind, openJudge, type PooledKind } from './kind.js';
import { openPool, type Pool } from './pool.js';
import { moduleKind } from './registry.js';
import { declared, verifyProblems } from './spec.js';
import { isCheckedVerifier, type Question, type Verifier } from './verifier.js';

export interface CreateOptions {
  /** Number of workers, unless `pool` is given. Default: one per processor, at most 8. */
  readonly workers?: number;
  /** A pool shared with other verifiers; the caller closes it. */
  readonly pool?: Pool;
  /** The place of the spec, for messages. Default: `verify`. */
  readonly where?: string;
  /** What paths in the settings are relative to. Default: the working directory. */
  readonly folder?: string;
}

/**
 * Creates a verifier from its declaration: an object with one key, the kind, and the kind's settings; a module of your
 * own; or a `Verifier`, which stays the caller's to close.
 *
 * @example
 * await createVerifier({ code: { languages: ['python'], reward: 'fraction' } });
 * const format = { pattern: '<think>.*</think>.*' };
 * await createVerifier({ weighted: [{ weight: 0.9, verify: { math: {} } }, { weight: 0.1, verify: { format } }] });
 * await createVerifier({ module: './haiku.mjs' });
 * @throws {UserError} for an unknown name, a wrong setting, or a machine that lacks what the verifier needs
 */
export async function createVerifier(spec: unknown, options: CreateOptions = {}): Promise<Verifier> {
  const { where = 'verify', folder = '.' } = options;
  const problems = verifyProblems(spec);
  if (problems[0]) {
    const lines = problems.map(({ path, message }) => `${placeOf(where, path)}: ${message}`);
    throw new UserError(problems[0].kind, lines.join('\n'));
  }
  const pool = options.pool ?? openPool(options.workers);
  try {
    const verifier = await build(spec, where, { pool, folder });
    return options.pool ? verifier : closingWith(verifier, pool);
  } catch (error) {
    if (!options.pool) await pool.close();
    throw error;
  }
}

const closingWith = (verifier: Verifier, pool: Pool): Verifier => ({
  ...verifier,
  async close() {
    await verifier.close();
    await pool.close();
  },
});

interface Surroundings {
  readonly pool: Pool;
  readonly folder: string;
}

async function build(spec: unknown, where: string, around: Surroundings): Promise<Verifier> {
  const found = declared(spec);
  switch (found.form) {
    case 'problems':
      throw new Error(`${where}: the declaration was not checked`);
    case 'verifier':
      return borrowed(found.verifier);
    case 'kind': {
      const place = placeOf(where, found.path);
      return found.kind.runs === 'here'
        ? openHere(found.kind, found.settings, place, around)
        : openInPool(found.kind, found.name, found.settings, place, around);
    }
    case 'weighted':
      return weighted(
        await Promise.all(
          found.parts.map(async ({ weight, verify }, i) => ({
            weight,
            verifier: await build(verify, `${where}.weighted[${i}].verify`, around),
          })),
        ),
      );
    case 'checked': {
      const [first, second] = found.parts;
      return checked(
        await build(first, `${where}.checked[0]`, around),
        await build(second, `${where}.checked[1]`, around),
      );
    }
    default: {
      const { form, parts } = found;
      const built = await Promise.all(parts.map((part, i) => build(part, `${where}.${form}[${i}]`, around)));
      return form === 'all' ? allOf(built) : anyOf(built);
    }
  }
}

/** A verifier of the caller's, who closes it. */
const borrowed = (verifier: Verifier): Verifier => ({
  name: verifier.name,
  hash: verifier.hash,
  verify: (question, signal) => verifier.verify(question, signal),
  checkItem: async (item, where) => verifier.checkItem?.(item, where),
  ...(isCheckedVerifier(verifier) && {
    judgeTwice: (question: Question, signal?: AbortSignal) => verifier.judgeTwice(question, signal),
  }),
  close: async () => {},
});

const openHere = (kind: LocalKind, settings: unknown, where: string, { folder }: Surroundings): Promise<Verifier> =>
  kind.open(check(kind.settings, settings, where), { where, folder });

async function openInPool(
  kind: PooledKind,
  name: string,
  given: unknown,
  where: string,
  { pool, folder }: Surroundings,
): Promise<Verifier> {
  const isModule = kind.name === moduleKind.name;
  const read = revealAll(given, where, folder, isModule);
  const judge = await openJudge(kind, read, { where, folder });
  await judge.check?.();
  const settings = judge.settings ?? read;
  // A module's secrets do not decide what it says, and may be renewed.
  const { hash } = isModule ? await openJudge(kind, given, { where, folder }) : judge;
  return {
    name,
    hash,
    verify: async (question, signal) =>
      redactAll(await pool.run({ kind: kind.name, settings, question }, judge.seconds, signal)),
    async checkItem(item, where) {
      const question = { ...item, promptId: item.itemId, completion: '' };
      try {
        await pool.check({ kind: kind.name, settings, question, where }, judge.seconds);
      } catch (cause) {
        if (!(cause instanceof UserError) || cause.message.startsWith(where)) throw cause;
        throw new UserError(cause.code, `${where}: ${cause.message}`);
      }
    },
    close: async () => {},
  };
}
