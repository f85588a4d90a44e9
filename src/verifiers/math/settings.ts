import { z } from 'zod';
import { check } from '../../support/check.js';

/** Where an answer may be, and in which notation. */
const PLACES = ['boxed', 'final-answer', 'last'] as const;
const NOTATIONS = ['latex', 'expr'] as const;

export type Place = (typeof PLACES)[number];
export type Notation = (typeof NOTATIONS)[number];

const isPlace = (name: Place | Notation): name is Place => (PLACES as readonly string[]).includes(name);
const isNotation = (name: Place | Notation): name is Notation => !isPlace(name);

const orAll = <T>(chosen: readonly T[], all: readonly T[]): readonly T[] => (chosen.length > 0 ? chosen : all);

/** How a completion must mark its answer. */
const MARKS = ['boxed', 'last', 'any'] as const;

export const mathFields = z.strictObject({
  answer: z
    .enum(MARKS)
    .default('any')
    .describe(
      'How the answer must be marked: in the only `\\\\boxed{}` (`boxed`), alone or after "answer" or `####` on the ' +
        'last line (`last`), or anywhere, also unmarked (`any`). Train with one of the first two.',
    ),
  extract: z
    .array(z.enum([...NOTATIONS, ...PLACES]))
    .default([])
    .describe(
      'Where the answer may be (`boxed`, `final-answer`, `last`) and how it may be written (`latex`, `expr`). ' +
        'Empty: anywhere, either way.',
    ),
  precision: z.int().min(0).max(15).default(6).describe('Decimals compared when one side is written as a decimal.'),
  strict: z.boolean().default(true).describe('Variables must match by name. If false, any renaming may match.'),
  allowSetRelation: z
    .boolean()
    .default(false)
    .describe('A relation may answer a reference that is a set. A set may always answer a relation.'),
});

export const mathSettings = mathFields.transform(({ answer, extract, precision, strict, allowSetRelation }) => ({
  answer,
  places: orAll(extract.filter(isPlace), PLACES),
  notations: orAll(extract.filter(isNotation), NOTATIONS),
  precision,
  strict,
  allowSetRelation,
}));

export type MathOptions = z.input<typeof mathSettings>;
export type MathSettings = z.output<typeof mathSettings>;

/** @throws {UserError} naming the unknown or invalid field */
export const readMathSettings = (options: unknown, where = 'verify.math'): MathSettings =>
  check(mathSettings, options, where);
