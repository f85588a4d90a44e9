import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import type { PooledKind } from '../kind.js';
import { answerOf } from '../reference.js';
import { type MathSettings, mathSettings } from './settings.js';

// Increase it with every change that can change a verdict.
const VERSION = 'math-8';

export const math: PooledKind<MathSettings> = {
  name: 'math',
  summary: 'the answer equals the reference as mathematics, at least at the sampled points',
  settings: mathSettings,
  runs: 'in the pool',
  quick: true,
  async open(settings) {
    const { isReadable, judgeMath } = await import('./judge-math.js');
    return {
      hash: digest(VERSION, JSON.stringify(settings)),
      seconds: 5,
      judge: (asked) => judgeMath(answerOf(asked, 'math'), asked.completion, settings, asked.question),
      checkItem(asked) {
        if (isReadable(answerOf(asked, 'math'), settings)) return;
        throw new UserError('bad-reference', 'math: the reference cannot be read: only the same text would be correct');
      },
    };
  },
};
