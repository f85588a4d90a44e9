import { z } from 'zod';
import { check } from '../../support/check.js';
import { checkMachine } from '../code/settings.js';
import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { optionalDataOf } from '../reference.js';
import { languageName } from '../sandbox/toolchains.js';
import { type CompileSettings, compileSettings } from './settings.js';

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
