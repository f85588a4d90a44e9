import { UserError } from '../../support/errors.js';
import { at, type Fields, optional, readList, readObject, readString } from '../fields.js';
import { languageName } from '../sandbox/toolchains.js';

/** What the completion's program is judged by. The expected parts never enter the program's own process. */
export type Tests =
  | { readonly kind: 'output'; readonly cases: readonly OutputCase[] }
  | { readonly kind: 'assertions'; readonly assertions: readonly string[] }
  | { readonly kind: 'file'; readonly source: string; readonly entryPoint?: string };

export interface OutputCase {
  readonly stdin: string;
  readonly stdout: string;
}

export interface CodeTask {
  /** The one language that the task is in; undefined where the completion may choose. */
  readonly language?: string;
  readonly tests: Tests;
}

/**
 * Reads `{"language", "tests": [{"stdin", "stdout"}, …]}`, `{"tests": [{"assert": "f(1) == 2"}, …]}` or
 * `{"testFile": "…", "entryPoint"}`. Throws a `UserError` that names the field.
 */
export function readCodeTask(fields: Fields, where: string): CodeTask {
  const language = optional(fields, 'language', () => languageName(readString(fields, 'language', where)), undefined);
  return { ...(language === undefined ? {} : { language }), tests: readTests(fields, where) };
}

function readTests(fields: Fields, where: string): Tests {
  if (fields.testFile !== undefined) {
    const entryPoint = optional(fields, 'entryPoint', () => readString(fields, 'entryPoint', where), undefined);
    return {
      kind: 'file',
      source: readString(fields, 'testFile', where),
      ...(entryPoint === undefined ? {} : { entryPoint }),
    };
  }
  const tests = readList(fields, 'tests', where).map((test, index) => {
    const name = `${at(where, 'tests')}[${index}]`;
    return { name, fields: readObject(test, name) };
  });
  if (tests.length === 0) {
    throw new UserError('no-tests', `${at(where, 'tests')}: found an empty list, expected at least one test`);
  }
  if (tests[0]?.fields.assert !== undefined) {
    return { kind: 'assertions', assertions: tests.map((test) => readString(test.fields, 'assert', test.name)) };
  }
  return {
    kind: 'output',
    cases: tests.map((test) => ({
      stdin: optional(test.fields, 'stdin', () => readString(test.fields, 'stdin', test.name), ''),
      stdout: readString(test.fields, 'stdout', test.name),
    })),
  };
}
