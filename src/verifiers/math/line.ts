import { z } from 'zod';
import { check } from '../../support/check.js';
import { lineId } from '../kind.js';
import { mathFields } from './settings.js';

// `answer` is the completion here, so that the setting of this name is `marked`.
const line = mathFields.omit({ answer: true }).extend({
  marked: mathFields.shape.answer,
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
  const { id, gold, answer, question, marked, extract, precision, strict, allowSetRelation } = check(
    line,
    value,
    where,
  );
  const settings = Object.entries({ answer: marked, extract, precision, strict, allowSetRelation });
  return { id, gold, answer, question, settings: Object.fromEntries(settings.filter(([, set]) => set !== undefined)) };
}
