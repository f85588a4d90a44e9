import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { answerOf } from '../answer.js';
import { type Fields, readBoolean, readNumber, readObject, readString, readWhole } from '../fields.js';
import type { Judgement, Verifier } from '../verifier.js';
import { judgeChoice, judgeExact, judgeNumeric, judgeRegex } from './judge-text.js';

/** Raised with every change that can change a verdict. */
const VERSION = 'simple-2';

const flag = (fields: Fields, name: string, where: string): boolean =>
  fields[name] !== undefined && readBoolean(fields, name, where);

/** @param needsAnswer whether there is nothing to compare with where an item has no reference answer. */
function verifier(
  name: string,
  settings: object,
  judge: (completion: string, gold: string) => Judgement,
  needsAnswer = true,
): Verifier {
  return {
    name,
    hash: digest(VERSION, name, JSON.stringify(settings)),
    verify: async (asked) => judge(asked.completion, needsAnswer ? answerOf(asked, name) : asked.reference.answer),
    close: async () => {},
  };
}

export interface ExactOptions {
  /** Upper and lower case are the same. Default false. */
  readonly ignoreCase?: boolean;
}

/** The whole completion equals the reference, white space at the ends apart. @throws UserError for a wrong field. */
export function exactVerifier(options: ExactOptions = {}, where = 'verify.exact'): Verifier {
  const fields = readObject(options, where, ['ignoreCase']);
  const settings = { ignoreCase: flag(fields, 'ignoreCase', where) };
  return verifier('exact', settings, (completion, gold) => judgeExact(completion, gold, settings));
}

export interface RegexOptions {
  /** A JavaScript regular expression; where it is absent, the reference is the expression. A named group `answer` is compared with the reference. */
  readonly pattern?: string;
  /** Any of `i`, `m`, `s`, `u`. Default none. */
  readonly flags?: string;
}

/**
 * Searches the last 20,000 characters of the completion. An expression that explodes is stopped by the worker's deadline, so run it in the pool.
 * @throws UserError for a wrong field or an expression that does not compile.
 */
export function regexVerifier(options: RegexOptions = {}, where = 'verify.regex'): Verifier {
  const fields = readObject(options, where, ['pattern', 'flags']);
  const flags = fields.flags === undefined ? '' : readString(fields, 'flags', where);
  if (!/^[imsu]*$/.test(flags) || new Set(flags).size !== flags.length)
    throw new UserError(
      'bad-field',
      `${where}.flags: found ${JSON.stringify(flags)}, expected some of i, m, s, u, each once`,
    );
  const pattern = fields.pattern === undefined ? undefined : readString(fields, 'pattern', where);
  const compiled = pattern === undefined ? undefined : compile(pattern, flags, `${where}.pattern`);
  return verifier(
    'regex',
    { pattern, flags },
    (completion, gold) =>
      judgeRegex(completion, gold, compiled ?? compile(gold, flags, 'regex: the reference'), compiled !== undefined),
    pattern === undefined || pattern.includes('(?<answer>'),
  );
}

function compile(pattern: string, flags: string, where: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch {
    throw new UserError(
      'bad-field',
      `${where}: found text that is not a regular expression, expected one of JavaScript`,
    );
  }
}

export interface ChoiceOptions {
  /** How many choices there are, lettered from A. 2 to 26, default 5. */
  readonly choices?: number;
}

/** The letter that the completion settles on equals the reference's. @throws UserError for a wrong field. */
export function choiceVerifier(options: ChoiceOptions = {}, where = 'verify.choice'): Verifier {
  const fields = readObject(options, where, ['choices']);
  const choices = fields.choices === undefined ? 5 : readWhole(fields, 'choices', where, 2, 26);
  return verifier('choice', { choices }, (completion, gold) => judgeChoice(completion, gold, choices));
}

export interface NumericOptions {
  /** Largest difference that still counts, 0 or more. Default 0. */
  readonly absolute?: number;
  /** Largest difference as a share of the reference, 0 or more. Default 1e-9. */
  readonly relative?: number;
}

/** The last number of the completion (after "answer" or "####" where it says so) equals the reference within a tolerance. @throws UserError for a wrong field. */
export function numericVerifier(options: NumericOptions = {}, where = 'verify.numeric'): Verifier {
  const fields = readObject(options, where, ['absolute', 'relative']);
  const settings = {
    absolute: fields.absolute === undefined ? 0 : readNumber(fields, 'absolute', where, 0),
    relative: fields.relative === undefined ? 1e-9 : readNumber(fields, 'relative', where, 0),
  };
  return verifier('numeric', settings, (completion, gold) => judgeNumeric(completion, gold, settings));
}
