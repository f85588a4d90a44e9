import { UserError } from '../support/errors.js';
import type { Question } from './verifier.js';

/**
 * The reference answer of an item.
 * @param kind names the verifier that needs it.
 * @throws {UserError} `no-answer` where there is none: a completion cannot be wrong, nor right, by a reference that is missing.
 */
export function answerOf({ reference }: Pick<Question, 'reference'>, kind: string): string {
  if (reference.answer !== '') return reference.answer;
  throw new UserError('no-answer', `${kind}: the item has no reference answer; expected one in the field answer`);
}
