import { UserError } from '../support/errors.js';
import { readObject, readString } from './fields.js';
import type { Judgement } from './verifier.js';

export interface FormatSettings {
  /** A regular expression that the whole completion must match; `.` matches line ends too. */
  readonly pattern: string;
}

export function readFormatSettings(value: unknown, where: string): FormatSettings {
  const pattern = readString(readObject(value, where, ['pattern']), 'pattern', where);
  try {
    new RegExp(pattern, 'su');
  } catch (cause) {
    throw new UserError('bad-field', `${where}.pattern: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return { pattern };
}

/** The format reward: 1 where the completion has the asked form, whatever it says. */
export function judgeFormat({ pattern }: FormatSettings, completion: string): Judgement {
  const fits = new RegExp(`^(?:${pattern})$`, 'su').test(completion);
  return fits
    ? { verdict: 'correct', reward: 1, reason: 'the completion has the asked form', evidence: {} }
    : { verdict: 'incorrect', reward: 0, reason: 'the completion does not have the asked form', evidence: {} };
}
