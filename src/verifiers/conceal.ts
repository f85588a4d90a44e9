import { UserError } from '../support/errors.js';
import type { Judgement, Question } from './verifier.js';

const WORD = /[\p{L}\p{N}_]+/gu;

/** Words of texts in lower case. */
const wordsOf = (texts: readonly string[]): Set<string> =>
  new Set(texts.flatMap((text) => text.toLowerCase().match(WORD) ?? []));

/** Characters from which a word is found within another one as well, as in a name put together of two. */
const LONG = 4;

/**
 * A text with `…` for each word (of letters, digits and `_`, whatever its case) that the reference has and `own`, what the student was
 * asked or wrote itself, has not.
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

/** Names and texts of the reference's data, as they are once JSON's escapes are read. */
function textsOf(data: string | null): string[] {
  if (data === null) return [];
  const texts = [data];
  try {
    JSON.parse(data, (name: string, value: unknown) => {
      texts.push(name);
      if (typeof value === 'string') texts.push(value);
    });
  } catch {
    // Text that is not JSON is taken as it stands.
  }
  return texts;
}

/**
 * Hides what a question's reference has in a text about its completion.
 * @param own what the text may say besides
 */
export function hider({ question, completion, reference }: Question, own = ''): (text: string) => string {
  const hidden = [reference.answer, ...textsOf(reference.data)];
  return (text) => conceal(text, hidden, [question, completion, own]);
}

/**
 * Holds the code of others, which was given the reference, to what every verifier promises: none of it is in what they say.
 * @param own what messages may say besides, such as where that code is
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
