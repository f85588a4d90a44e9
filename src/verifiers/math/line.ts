import { z } from 'zod';
import { check } from '../../support/check.js';
import { lineId, type VerifiedLine } from '../kind.js';
import { judgeMath } from './judge-math.js';
import { mathFields, mathSettings } from './settings.js';

const line = mathFields.extend({
  id: lineId,
  gold: z.string().refine((text) => text.trim() !== '', 'found an empty text, expected the reference answer'),
  answer: z.string(),
  question: z.string().optional(),
  // Columns of case files that are ignored.
  group: z.unknown().optional(),
  equivalent: z.unknown().optional(),
});

/** Reads one line of `rlsd verify math`. @throws {UserError} that names the field */
export function readMathLine(value: unknown, where: string) {
  const { id, gold, answer, question, extract, precision, strict, allowSetRelation } = check(line, value, where);
  const settings = Object.entries({ extract, precision, strict, allowSetRelation });
  return { id, gold, answer, question, settings: Object.fromEntries(settings.filter(([, set]) => set !== undefined)) };
}

/**
 * Judges one line of `rlsd verify math`: `{"id", "gold", "answer"}` and optionally `question` and the settings of
 * `math`.
 *
 * @throws {UserError} naming the source, line and field
 */
export function verifyMathLine(value: unknown, source: string, lineNumber: number): VerifiedLine {
  const { id, gold, answer, question, settings } = readMathLine(value, `${source}:${lineNumber}`);
  const { verdict, reward, reason } = judgeMath(gold, answer, mathSettings.parse(settings), question);
  return { id, verdict, reward, reason };
}
