import type { Tokenizer } from './tokenizer.js';

/**
 * The text of each token, special ones included; together they are the decoded text. Of the tokens that share a
 * character the last one has it, the others are empty.
 * @param tokens ids, as sampled
 */
export function tokenTexts({ decode }: Pick<Tokenizer, 'decode'>, tokens: Int32Array): string[] {
  const texts: string[] = [];
  let shown = 0;
  for (let i = 0; i < tokens.length; i++) {
    // Some tokenizers drop a space at the start of a text, so a token is decoded behind those before it.
    const before = Math.max(0, shown - 1);
    const [prefix, text] = [tokens.subarray(before, shown), tokens.subarray(before, i + 1)].map((part) =>
      decode(part, { skipSpecial: false }),
    );
    const added = (text ?? '').slice((prefix ?? '').length);
    // Half of a character: the next token completes it, or the text ends with it.
    if (added.endsWith('\uFFFD') && i + 1 < tokens.length && i - shown < 3) texts.push('');
    else {
      texts.push(added);
      shown = i + 1;
    }
  }
  return texts;
}
