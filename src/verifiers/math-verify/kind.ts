import { hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { answerOf } from '../reference.js';
import { type MathVerifySettings, mathVerifySettings } from './settings.js';

/** For starting Python and importing sympy. */
const START_SECONDS = 60;

export const mathVerify: PooledKind<MathVerifySettings> = {
  name: 'math-verify',
  summary: 'the Python package Math-Verify says that the answer equals the reference',
  settings: mathVerifySettings,
  runs: 'in the pool',
  quick: false,
  line: { answer: 'required', data: [], settings: ['python', 'seconds'] },
  async open({ python, seconds }, { where, folder }) {
    const [{ findMathVerify }, { openSession }, { requireSandbox }] = await Promise.all([
      import('./environment.js'),
      import('./judge-with-math-verify.js'),
      import('../sandbox/probe.js'),
    ]);
    const environment = await findMathVerify(python, folder, where);
    const judge = openSession(environment, seconds);
    return {
      hash: hashOf('math-verify', { version: environment.version, seconds }),
      settings: { python: environment.program, seconds },
      seconds: seconds * 4 + START_SECONDS,
      check: requireSandbox,
      judge: (asked) => judge(answerOf(asked, 'math-verify'), asked.completion),
      // What Math-Verify cannot read may still be a good reference for the verifier that it checks.
      checkItem: (asked) => void answerOf(asked, 'math-verify'),
    };
  },
};
