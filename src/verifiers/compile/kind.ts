import { z } from 'zod';
import { check } from '../../support/check.js';
import { checkMachine, programFields, programSettings } from '../code/settings.js';
import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { optionalDataOf } from '../reference.js';
import { languageName } from '../sandbox/toolchains.js';

export const compileSettings = z
  .strictObject({ ...programFields, strict: z.boolean().default(true).describe("TypeScript's `strict`.") })
  .transform(({ strict, ...program }) => ({ ...programSettings(program, ['typescript']), strict }));

export type CompileSettings = z.output<typeof compileSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readCompileSettings = (value: unknown, where: string): CompileSettings =>
  check(compileSettings, value, where);

const task = z.object({ language: z.string().transform(languageName).optional() });

export const compile: PooledKind<CompileSettings> = {
  name: 'compile',
  summary: 'the compiler accepts the program',
  settings: compileSettings,
  runs: 'in the pool',
  quick: false,
  line: { answer: 'none', data: ['language'], settings: ['language', 'strict'] },
  async open(settings) {
    const { judgeCompile } = await import('./judge-compile.js');
    return {
      hash: hashOf('compile', settings),
      seconds: 120,
      check: () => checkMachine(settings),
      judge: (asked, where = DATA) =>
        judgeCompile(settings, check(task, optionalDataOf(asked, where), where).language, asked.completion),
    };
  },
};
