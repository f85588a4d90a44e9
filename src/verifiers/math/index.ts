import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { answerOf } from '../answer.js';
import { readObject, readString } from '../fields.js';
import type { Judgement, Verifier } from '../verifier.js';
import { judgeMath } from './judge-math.js';
import { MATH_FIELDS, type MathOptions, mathSettings } from './options.js';

export { compareMath } from './judge-math.js';
export type { MathOptions } from './options.js';

/** Raised with every change that can change a verdict. */
const VERSION = 'math-4';

/** Judges completions by mathematical equality with the reference answer. */
export function mathVerifier(options: MathOptions = {}, where = 'verify.math'): Verifier {
  const settings = mathSettings(options, where);
  return {
    name: 'math',
    hash: digest(VERSION, JSON.stringify(settings)),
    verify: async (asked) => judgeMath(answerOf(asked, 'math'), asked.completion, settings, asked.question),
    close: async () => {},
  };
}

export interface MathLine {
  readonly id: string;
  readonly verdict: Judgement['verdict'];
  readonly reward: number;
  readonly reason: string;
}

/** The last two stand in files of cases and change nothing. */
const LINE_FIELDS = ['id', 'gold', 'answer', 'question', ...MATH_FIELDS, 'group', 'equivalent'];

/**
 * One line of `rlsd verify math`: `{"id", "gold", "answer"}` and the options `extract`, `precision`, `strict`, `allowSetRelation`, `question`.
 * @throws UserError naming source, line and field.
 */
export function verifyMathLine(line: unknown, source: string, lineNumber: number): MathLine {
  const where = `${source}:${lineNumber}`;
  const fields = readObject(line, where, LINE_FIELDS);
  const id = typeof fields.id === 'number' ? String(fields.id) : readString(fields, 'id', where);
  const [gold, answer] = [readString(fields, 'gold', where), readString(fields, 'answer', where)];
  if (gold.trim() === '')
    throw new UserError('bad-field', `${where}.gold: found an empty text, expected the reference answer`);
  const question = fields.question === undefined ? undefined : readString(fields, 'question', where);
  const { extract, precision, strict, allowSetRelation } = fields;
  const settings = mathSettings({ extract, precision, strict, allowSetRelation } as MathOptions, where);
  const judged = judgeMath(gold, answer, settings, question);
  return { id, verdict: judged.verdict, reward: judged.reward, reason: judged.reason };
}
