import { z } from 'zod';
import { check } from '../../support/check.js';
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
  /** The one language of the task. Undefined if the completion may choose. */
  readonly language?: string;
  readonly tests: Tests;
}

const language = z.string().transform(languageName).optional();

const outputTask = z
  .object({
    language,
    tests: z
      .array(z.object({ stdin: z.string().nullish(), stdout: z.string() }))
      .min(1)
      .transform((tests) => tests.map(({ stdin, stdout }) => ({ stdin: stdin ?? '', stdout }))),
  })
  .transform(({ language, tests }) => codeTask(language, { kind: 'output', cases: tests }));

/** MBPP lists its assertions as texts. */
const assertion = z.preprocess(
  (test) => (typeof test === 'string' ? { assert: test } : test),
  z.object({ assert: z.string() }),
);

const assertionTask = z
  .object({ language, tests: z.array(assertion).min(1) })
  .transform(({ language, tests }) =>
    codeTask(language, { kind: 'assertions', assertions: tests.map(({ assert }) => assert) }),
  );

const fileTask = z
  .object({ language, testFile: z.string(), entryPoint: z.string().optional() })
  .transform(({ language, testFile, entryPoint }) =>
    codeTask(language, { kind: 'file', source: testFile, ...(entryPoint === undefined ? {} : { entryPoint }) }),
  );

const codeTask = (language: string | undefined, tests: Tests): CodeTask => ({
  ...(language === undefined ? {} : { language }),
  tests,
});

const hasAssertions = (tests: unknown): boolean => {
  const first: unknown = Array.isArray(tests) ? tests[0] : undefined;
  return typeof first === 'string' || (typeof first === 'object' && first !== null && 'assert' in first);
};

/**
 * Reads `{"language", "tests": [{"stdin", "stdout"}, …]}`, `{"tests": [{"assert": "f(1) == 2"}, …]}`, its assertions
 * also as plain texts, or `{"testFile": "…", "entryPoint"}`.
 *
 * @throws {UserError} that names the field
 */
export function readCodeTask(fields: Readonly<Record<string, unknown>>, where: string): CodeTask {
  if (fields.testFile !== undefined && fields.testFile !== null) return check(fileTask, fields, where);
  return check(hasAssertions(fields.tests) ? assertionTask : outputTask, fields, where);
}
