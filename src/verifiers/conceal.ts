import { UserError } from '../support/errors.js';
import type { Judgement, Question } from './verifier.js';

const WORD = /[\p{L}\p{N}_]+/gu;

/** Words of texts in lower case. */
const wordsOf = (texts: readonly string[]): Set<string> =>
  new Set(texts.flatMap((text) => text.toLowerCase().match(WORD) ?? []));

/** Words of at least this many characters are also found inside longer ones, such as compound names. */
const LONG = 4;

/**
 * A text with `…` in place of each word that is in the reference but not in `own`, the question and the completion. A
 * word is letters, digits and `_`, in either case.
 * @example conceal('expected 42, found 41', ['42'], ['It is 41.']) // 'expected …, found 41'
 */
export function conceal(text: string, reference: readonly string[], own: readonly string[]): string {
  const open = wordsOf(own);
  const hidden = new Set([...wordsOf(reference)].filter((word) => !open.has(word)));
  const long = [...hidden].filter((word) => word.length >= LONG);
  return text.replace(WORD, (word) => {
    const key = word.toLowerCase();
    if (open.has(key)) return word;
    return hidden.has(key) || long.some((part) => key.includes(part)) ? '…' : word;
  });
}

/** Names and texts of the reference's data, with JSON's escapes resolved. */
function textsOf(data: string | null): string[] {
  if (data === null) return [];
  const texts = [data];
  try {
    JSON.parse(data, (name: string, value: unknown) => {
      texts.push(name);
      if (typeof value === 'string') texts.push(value);
    });
  } catch {
    // Not JSON: use the text itself.
  }
  return texts;
}

/**
 * Hides the words of a question's reference in a text about its completion.
 *
 * @param own what the text may say as well
 */
export function hider({ question, completion, reference }: Question, own = ''): (text: string) => string {
  const hidden = [reference.answer, ...textsOf(reference.data)];
  return (text) => conceal(text, hidden, [question, completion, own]);
}

/**
 * Runs someone else's code, which knows the reference, and hides the reference's words in its judgement and its errors.
 *
 * @param own what messages may say as well, such as the location of that code
 */
export async function concealing(asked: Question, judge: () => Promise<Judgement>, own: string): Promise<Judgement> {
  const hide = hider(asked, own);
  try {
    const { reason, evidence, ...verdict } = await judge();
    const kept = Object.entries(evidence).map(([name, text]) => [hide(name), hide(text)] as const);
    return { ...verdict, reason: hide(reason), evidence: Object.fromEntries(kept) };
  } catch (error) {
    if (error instanceof UserError) throw new UserError(error.code, hide(error.message));
    throw new Error(hide(error instanceof Error ? error.message : String(error)));
  }
}
