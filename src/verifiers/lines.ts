import { z } from 'zod';
import { check } from '../support/check.js';
import { UserError } from '../support/errors.js';
import { ExactNumber, stringifyExact } from '../support/exact-json.js';
import { type LineFields, lineId, openJudge, type PooledKind, type VerifiedLine } from './kind.js';
import { readMathLine } from './math/line.js';
import { mathFields } from './math/settings.js';
import { openPool, type Pool } from './pool.js';
import { verifierKinds } from './registry.js';

/**
 * Judges one line of input. Several may run at once; each has its own deadline.
 *
 * @param line the line's JSON value, which may contain `ExactNumber`s
 * @throws {UserError} that names source, line and field
 */
export type LineVerifier = (line: unknown, source: string, lineNumber: number) => Promise<VerifiedLine>;

let pool: Pool | undefined;

/** The line's own fields; those of the data and the settings are checked by the kind. */
function lineSchema({ answer, data, settings }: LineFields) {
  const any = Object.fromEntries([...data, ...settings].map((name) => [name, z.unknown().optional()]));
  const text = z.string();
  const answers = answer === 'none' ? {} : { answer: answer === 'required' ? text : text.optional() };
  const language = settings.includes('language') ? { language: text } : {};
  return z.strictObject({ ...any, id: lineId, completion: text, ...answers, ...language });
}

function lineVerifier(kind: PooledKind, fields: LineFields): LineVerifier {
  const schema = lineSchema(fields);
  return async (value, source, lineNumber) => {
    const where = `${source}:${lineNumber}`;
    try {
      const { id, completion, answer, ...given } = check(
        schema,
        withDoubles(value, fields.settings),
        where,
      ) as ParsedLine;
      const settings = settingsOf(given, fields);
      const judge = await openJudge(kind, settings, { where, folder: '.' });
      await judge.check?.();
      const data = stringifyExact(Object.fromEntries(fields.data.map((name) => [name, given[name]])));
      const question = {
        promptId: id,
        itemId: id,
        question: '',
        completion,
        reference: { answer: answer ?? '', data },
      };
      pool ??= openPool();
      const item = { kind: kind.name, settings, question, where };
      const { verdict, reward, reason } = await pool.run(item, judge.seconds);
      return { id, verdict, reward, reason };
    } catch (cause) {
      if (!(cause instanceof UserError) || cause.message.startsWith(where)) throw cause;
      throw new UserError(cause.code, `${where}: ${cause.message}`);
    }
  };
}

/** Settings are computed with, so their numbers are doubles; all other numbers of a line stay as written. */
function withDoubles(line: unknown, settings: readonly string[]): unknown {
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return line;
  return Object.fromEntries(
    Object.entries(line).map(([name, value]) =>
      value instanceof ExactNumber && settings.includes(name) ? [name, Number(value.text)] : [name, value],
    ),
  );
}

/** CPU seconds of one answer; see `math` in math/kind.ts. */
const MATH_SECONDS = 5;

/** The reference of `math` is in a field of its own. */
const mathLine: LineVerifier = async (value, source, lineNumber) => {
  const where = `${source}:${lineNumber}`;
  const line = withDoubles(value, Object.keys(mathFields.shape));
  const { id, gold, answer, question = '', settings } = readMathLine(line, where);
  const reference = { answer: gold, data: null };
  pool ??= openPool();
  const asked = { promptId: id, itemId: id, question, completion: answer, reference };
  const { verdict, reward, reason } = await pool.run({ kind: 'math', settings, question: asked, where }, MATH_SECONDS);
  return { id, verdict, reward, reason };
};

interface ParsedLine {
  readonly id: string;
  readonly completion: string;
  readonly answer?: string;
  readonly [field: string]: unknown;
}

const settingsOf = (given: Readonly<Record<string, unknown>>, { settings }: LineFields) =>
  Object.fromEntries(
    settings
      .filter((name) => given[name] !== undefined)
      .map((name) => (name === 'language' ? ['languages', [given[name]]] : [name, given[name]])),
  );

/** What `rlsd verify KIND` runs on each line, by kind. */
export const lineVerifiers: Readonly<Record<string, LineVerifier>> = {
  math: mathLine,
  ...Object.fromEntries(
    verifierKinds.flatMap((kind) =>
      kind.runs === 'in the pool' && kind.line ? [[kind.name, lineVerifier(kind, kind.line)]] : [],
    ),
  ),
};
