import { kindOf } from '../support/check.js';
import { UserError } from '../support/errors.js';
import type { Question } from './verifier.js';

type Referenced = Pick<Question, 'reference'>;

/**
 * The reference answer of an item.
 *
 * @param kind names the verifier that needs it
 * @throws {UserError} `no-answer` if it is empty: nothing can be right or wrong without a reference.
 */
export function answerOf({ reference }: Referenced, kind: string): string {
  if (reference.answer !== '') return reference.answer;
  throw new UserError('no-answer', `${kind}: the item has no reference answer; expected one in the field answer`);
}

type Fields = Readonly<Record<string, unknown>>;

/** The reference's data, a JSON object. Messages never quote it. @throws {UserError} `bad-field`, `bad-json` */
export function dataOf(
  { reference }: Referenced,
  where: string,
  parse: (text: string) => unknown = JSON.parse,
): Fields {
  if (reference.data === null) return parseObject(undefined, where);
  let value: unknown;
  try {
    value = parse(reference.data);
  } catch {
    throw new UserError('bad-json', `${where}: found text that is not JSON, expected a JSON object`);
  }
  return parseObject(value, where);
}

/** As `dataOf`, with `{}` for an item without data. */
export const optionalDataOf = (asked: Referenced, where: string, parse?: (text: string) => unknown): Fields =>
  asked.reference.data === null ? {} : dataOf(asked, where, parse);

function parseObject(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UserError('bad-field', `${where}: found ${kindOf(value)}, expected an object`);
}
