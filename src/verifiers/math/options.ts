import { readBoolean, readChoice, readList, readObject, readWhole } from '../fields.js';
import type { Notation, Place } from './answer/extract.js';

export interface MathOptions {
  /** What is read: LaTeX (`latex`), plain numbers and formulas (`expr`), and where, in this order: `boxed`, `final-answer`, `last`. Default: all. */
  readonly extract?: readonly (Notation | Place)[] | undefined;
  /** Decimals that count where one side is written as a decimal, 0 to 15. Default 6. */
  readonly precision?: number | undefined;
  /** Variables must match by name. Default true. */
  readonly strict?: boolean | undefined;
  /** An answer given as a relation may equal a gold that is a set; the other way round is always allowed. Default false. */
  readonly allowSetRelation?: boolean | undefined;
}

export interface MathSettings {
  readonly places: readonly Place[];
  readonly notations: readonly Notation[];
  readonly precision: number;
  readonly strict: boolean;
  readonly allowSetRelation: boolean;
}

const PLACES: readonly Place[] = ['boxed', 'final-answer', 'last'];
const NOTATIONS: readonly Notation[] = ['latex', 'expr'];

export const MATH_FIELDS = ['extract', 'precision', 'strict', 'allowSetRelation'] as const;

const some = <T>(found: readonly T[], otherwise: readonly T[]): readonly T[] => (found.length > 0 ? found : otherwise);

/** @throws UserError naming an unknown or wrong field. */
export function mathSettings(options: MathOptions, where = 'verify.math'): MathSettings {
  const fields = readObject(options, where, MATH_FIELDS);
  const wanted =
    fields.extract === undefined
      ? []
      : readList(fields, 'extract', where).map((_, index, list) =>
          readChoice({ ...list }, String(index), `${where}.extract`, [...NOTATIONS, ...PLACES]),
        );
  const precision = fields.precision === undefined ? 6 : readWhole(fields, 'precision', where, 0, 15);
  return {
    places: some(
      wanted.filter((one) => one !== 'latex' && one !== 'expr'),
      PLACES,
    ),
    notations: some(
      wanted.filter((one) => one === 'latex' || one === 'expr'),
      NOTATIONS,
    ),
    precision,
    strict: fields.strict === undefined || readBoolean(fields, 'strict', where),
    allowSetRelation: fields.allowSetRelation !== undefined && readBoolean(fields, 'allowSetRelation', where),
  };
}
