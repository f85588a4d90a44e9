import { UserError } from '../support/errors.js';
import { type Fields, readObject, readString } from './fields.js';
import { kinds } from './kinds.js';
import { verifyMathLine } from './math/index.js';
import { openPool, type Pool } from './pool.js';

/** What `rlsd verify` prints for a line. */
export interface VerifiedLine {
  readonly id: string;
  readonly verdict: string;
  readonly reward: number;
  readonly reason: string;
}

/**
 * Judges one line of input. Several may run at once; each has a deadline of its own.
 *
 * @param line the line's JSON value
 * @throws UserError naming source, line and field.
 */
export type LineVerifier = (line: unknown, source: string, lineNumber: number) => Promise<VerifiedLine>;

let pool: Pool | undefined;

/**
 * A line holds the item's `id` and `completion`, the fields of its reference's data, some of the verifier's settings, and the
 * reference `answer` where the kind has one, which only `answer: 'optional'` may leave out.
 */
function lineVerifier(
  kind: string,
  data: readonly string[],
  settings: Readonly<Record<string, (fields: Fields, where: string) => unknown>>,
  answer: 'none' | 'optional' | 'required' = 'none',
): LineVerifier {
  const answers = answer === 'none' ? [] : ['answer'];
  const judgeLine = async (line: unknown, where: string): Promise<VerifiedLine> => {
    const fields = readObject(line, where, [
      ...new Set(['id', 'completion', ...answers, ...data, ...Object.keys(settings)]),
    ]);
    const id = typeof fields.id === 'number' ? String(fields.id) : readString(fields, 'id', where);
    const completion = readString(fields, 'completion', where);
    const read = kinds[kind];
    if (!read) throw new Error(`no kind of verifier is called ${kind}`);
    const set = Object.fromEntries(
      Object.entries(settings).flatMap(([name, readSetting]) =>
        fields[name] === undefined ? [] : [[name === 'language' ? 'languages' : name, readSetting(fields, where)]],
      ),
    );
    const judge = await read(set, where);
    await judge.check?.();
    const given = answer === 'required' || (answer === 'optional' && fields.answer !== undefined);
    const reference = {
      answer: given ? readString(fields, 'answer', where) : '',
      data: JSON.stringify(Object.fromEntries(data.map((name) => [name, fields[name]]))),
    };
    const question = { promptId: id, itemId: id, question: '', completion, reference };
    pool ??= openPool();
    const { verdict, reward, reason } = await pool.run({ kind, settings: set, question, where }, judge.seconds);
    return { id, verdict, reward, reason };
  };
  return async (line, source, lineNumber) => {
    const where = `${source}:${lineNumber}`;
    try {
      return await judgeLine(line, where);
    } catch (cause) {
      if (!(cause instanceof UserError) || cause.message.startsWith(where)) throw cause;
      throw new UserError(cause.code, `${where}: ${cause.message}`);
    }
  };
}

const language = (fields: Fields, where: string) => [readString(fields, 'language', where)];
const asIs = (name: string) => (fields: Fields) => fields[name];

/** `{"id", "language", "completion", "tests": [{"stdin", "stdout"} or {"assert"}, …] or "testFile"}`; optional `entryPoint`, `reward`, `typeCheck`, `limits`. */
export const verifyCodeLine = lineVerifier('code', ['language', 'tests', 'testFile', 'entryPoint'], {
  language,
  reward: asIs('reward'),
  typeCheck: asIs('typeCheck'),
  limits: asIs('limits'),
});

/** `{"id", "language", "completion"}`; optional `strict`. */
export const verifyCompileLine = lineVerifier('compile', ['language'], { language, strict: asIs('strict') });

/** `{"id", "completion", "reference", "databases": ["a script of DDL and INSERTs", …]}`; optional `ordered`, `tolerance`, `columnNames`, `seconds`. */
export const verifySqlLine = lineVerifier('sql', ['reference', 'databases', 'ordered'], {
  tolerance: asIs('tolerance'),
  columnNames: asIs('columnNames'),
  seconds: asIs('seconds'),
});

/** `{"id", "completion", "schema"}`; optional `values`, `bare`. */
export const verifyJsonSchemaLine = lineVerifier('json-schema', ['schema', 'values'], { bare: asIs('bare') });

/** Kinds whose reference is a text: `{"id", "completion", "answer"}` and the kind's settings. */
const textLine = (kind: string, names: readonly string[], answer: 'none' | 'optional' | 'required'): LineVerifier =>
  lineVerifier(kind, [], Object.fromEntries(names.map((name) => [name, asIs(name)])), answer);

/** What `rlsd verify KIND` runs on each line. */
export const lineVerifiers: Readonly<Record<string, LineVerifier>> = {
  math: async (line, source, lineNumber) => verifyMathLine(line, source, lineNumber),
  code: verifyCodeLine,
  compile: verifyCompileLine,
  sql: verifySqlLine,
  'json-schema': verifyJsonSchemaLine,
  exact: textLine('exact', ['ignoreCase'], 'required'),
  choice: textLine('choice', ['choices'], 'required'),
  numeric: textLine('numeric', ['absolute', 'relative'], 'required'),
  regex: textLine('regex', ['pattern', 'flags'], 'optional'),
  format: textLine('format', ['pattern'], 'none'),
};
