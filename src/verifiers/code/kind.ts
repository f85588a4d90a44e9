import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { dataOf } from '../reference.js';
import { type CodeSettings, checkMachine, codeSettings } from './settings.js';

/** Time for a hundred tests that all run to their limit. */
const TESTS = 100;

export const code: PooledKind<CodeSettings> = {
  name: 'code',
  summary: 'the program passes the tests',
  settings: codeSettings,
  runs: 'in the pool',
  quick: false,
  line: {
    answer: 'none',
    data: ['language', 'tests', 'testFile', 'entryPoint'],
    settings: ['language', 'reward', 'typeCheck', 'limits'],
  },
  async open(settings) {
    const [{ judgeCode }, { readCodeTask }] = await Promise.all([import('./judge-code.js'), import('./tests.js')]);
    return {
      hash: hashOf('code', settings),
      seconds: settings.limits.seconds * TESTS + 60,
      check: () => checkMachine(settings),
      judge: (asked, where = DATA) => judgeCode(settings, readCodeTask(dataOf(asked, where), where), asked.completion),
    };
  },
};
