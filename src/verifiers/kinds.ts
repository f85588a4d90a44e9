import { digest } from '../support/digest.js';
import { optional, readJsonObject, readObject, readString } from './fields.js';
import { languageName } from './sandbox/toolchains.js';
import type { Judgement, Question, Verifier } from './verifier.js';

/** A verifier of one kind with its settings read, as a worker runs it. */
export interface Judge {
  /** Of the kind, its version and its settings. */
  readonly hash: string;
  /** The settings as a worker reads them, where they depend on the folder; otherwise those that were given. */
  readonly settings?: unknown;
  /** CPU seconds after which an item's worker is killed, far above what the kind itself stops at. */
  readonly seconds: number;
  /** Whether this machine can run it. Rejects with a `UserError` that says what is missing. */
  check?(): Promise<void>;
  /**
   * @param where what messages call the reference's data, `reference.data` by default
   * @param within starts the deadline anew with other CPU seconds, for a judge that works in steps
   */
  judge(question: Question, where?: string, within?: (seconds: number) => void): Judgement | Promise<Judgement>;
}

/** Reads the settings, paths in them relative to `folder`; throws a `UserError` that names the field, with `where` before it. */
export type Kind = (settings: unknown, where: string, folder?: string) => Promise<Judge>;

// Part of the hash: raised where a change to a verifier can change a verdict.
const VERSION = '2';

const hashOf = (kind: string, settings: unknown): string => digest(kind, VERSION, JSON.stringify(settings));

const DATA = 'reference.data';
const dataOf = ({ reference }: Question, where: string) => readJsonObject(reference.data, where);
const optionalData = ({ reference }: Question, where: string) => readJsonObject(reference.data ?? '{}', where);

/** Enough for a hundred tests that all run to their limit. */
const TESTS = 100;

/** A verifier of texts alone: nothing to load for an item, and a deadline for expressions that explode. */
const ofTexts =
  (open: (settings: object, where: string) => Promise<Verifier>): Kind =>
  async (value, where) => {
    const verifier = await open(readObject(value, where), where);
    return { hash: verifier.hash, seconds: 5, judge: (question) => verifier.verify(question) };
  };

/** The kinds that run in the pool, each loaded where it is first asked for. */
export const kinds: Readonly<Record<string, Kind>> = {
  math: ofTexts(async (settings, where) => (await import('./math/index.js')).mathVerifier(settings, where)),
  exact: ofTexts(async (settings, where) => (await import('./text/text-verifiers.js')).exactVerifier(settings, where)),
  regex: ofTexts(async (settings, where) => (await import('./text/text-verifiers.js')).regexVerifier(settings, where)),
  choice: ofTexts(async (settings, where) =>
    (await import('./text/text-verifiers.js')).choiceVerifier(settings, where),
  ),
  numeric: ofTexts(async (settings, where) =>
    (await import('./text/text-verifiers.js')).numericVerifier(settings, where),
  ),

  async code(value, where) {
    const { readCodeSettings, checkMachine } = await import('./code/settings.js');
    const [{ judgeCode }, { readCodeTask }] = await Promise.all([
      import('./code/judge-code.js'),
      import('./code/tests.js'),
    ]);
    const settings = readCodeSettings(value, where);
    return {
      hash: hashOf('code', settings),
      seconds: settings.limits.seconds * TESTS + 60,
      check: () => checkMachine(settings),
      judge: (question, at = DATA) => judgeCode(settings, readCodeTask(dataOf(question, at), at), question.completion),
    };
  },

  async compile(value, where) {
    const [{ readCompileSettings, judgeCompile }, { checkMachine }] = await Promise.all([
      import('./compile/judge-compile.js'),
      import('./code/settings.js'),
    ]);
    const settings = readCompileSettings(value, where);
    return {
      hash: hashOf('compile', settings),
      seconds: 120,
      check: () => checkMachine(settings),
      judge: (question, at = DATA) => {
        const data = optionalData(question, at);
        const language = optional(data, 'language', () => languageName(readString(data, 'language', at)), undefined);
        return judgeCompile(settings, language, question.completion);
      },
    };
  },

  async sql(value, where) {
    const { readSqlSettings, readSqlTask, judgeSql, taskSeconds } = await import('./sql/judge-sql.js');
    const settings = readSqlSettings(value, where);
    return {
      hash: hashOf('sql', settings),
      seconds: taskSeconds(settings),
      judge: (question, at = DATA, within) => {
        const { answer } = question.reference;
        const task = readSqlTask({ ...(answer === '' ? {} : { reference: answer }), ...dataOf(question, at) }, at);
        return judgeSql(settings, task, question.completion, within);
      },
    };
  },

  async 'json-schema'(value, where) {
    const { readJsonSchemaSettings, readJsonSchemaTask, judgeJsonSchema } = await import('./json-schema/judge-json.js');
    const settings = readJsonSchemaSettings(value, where);
    return {
      hash: hashOf('json-schema', settings),
      seconds: 2,
      judge: (question, at = DATA) =>
        judgeJsonSchema(settings, readJsonSchemaTask(optionalData(question, at), at), question.completion, at),
    };
  },

  async function(value, where, folder) {
    const { readFunctionSettings, moduleHash, checkFunction, judgeFunction } = await import('./module/judge-module.js');
    const settings = readFunctionSettings(value, where, folder);
    return {
      hash: hashOf('function', [settings.name, settings.seconds, moduleHash(settings, where)]),
      settings,
      seconds: settings.seconds,
      check: () => checkFunction(settings, where),
      judge: (question) => judgeFunction(settings, question),
    };
  },

  async format(value, where) {
    const { readFormatSettings, judgeFormat } = await import('./format.js');
    const settings = readFormatSettings(value, where);
    return {
      hash: hashOf('format', settings),
      seconds: 2,
      judge: (question) => judgeFormat(settings, question.completion),
    };
  },
};

/** Kinds that judge most items in less than a message between processes takes. */
export const quickKinds: ReadonlySet<string> = new Set([
  'math',
  'exact',
  'regex',
  'choice',
  'numeric',
  'json-schema',
  'format',
]);
