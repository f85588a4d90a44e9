import { digest } from '../../support/digest.js';
import type { PooledKind } from '../kind.js';
import { answerOf } from '../reference.js';
import { type MathSettings, mathSettings } from './settings.js';

// Increase it with every change that can change a verdict.
const VERSION = 'math-6';

export const math: PooledKind<MathSettings> = {
  name: 'math',
  summary: 'the answer equals the reference as mathematics, at least at the sampled points',
  settings: mathSettings,
  runs: 'in the pool',
  quick: true,
  async open(settings) {
    const { judgeMath } = await import('./judge-math.js');
    return {
      hash: digest(VERSION, JSON.stringify(settings)),
      seconds: 5,
      judge: (asked) => judgeMath(answerOf(asked, 'math'), asked.completion, settings, asked.question),
    };
  },
};
