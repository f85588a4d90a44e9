import type { Tokenizer } from '../models/tokenizer.js';

/** Index of the first stop string in a text; -1 where there is none. */
export function stopIndex(text: string, stops: readonly string[]): number {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
}

/** The ids as stop strings are compared with: special tokens are part of the text. */
const wholeText = (tokenizer: Pick<Tokenizer, 'decode'>, tokens: Int32Array): string =>
  tokenizer.decode(tokens, { skipSpecial: false });

/** The text of a completion without special tokens, up to the first stop string. */
export function textBeforeStop(
  tokens: Int32Array,
  tokenizer: Pick<Tokenizer, 'decode'>,
  stops: readonly string[],
): string {
  const whole = wholeText(tokenizer, tokens);
  const stop = stopIndex(whole, stops);
  if (stop < 0) return tokenizer.decode(tokens);
  // The token in which the stop string begins.
  let count = tokens.length;
  let before = whole;
  while (count > 0 && (before.length > stop || !whole.startsWith(before)))
    before = wholeText(tokenizer, tokens.subarray(0, --count));
  return tokenizer.decode(tokens.subarray(0, count)) + whole.slice(before.length, stop);
}

/**
 * Checks after each new token whether the text contains a stop string. Decodes only a tail long enough for the longest
 * one, so the cost does not grow with the square of a completion's length.
 */
export function createStopCheck(
  tokenizer: Pick<Tokenizer, 'decode'>,
  stops: readonly string[],
): (tokens: readonly number[]) => boolean {
  if (stops.length === 0) return () => false;
  // Longer than the string itself: a tail may begin inside a character, and a decoder may trim its first token.
  const enough = Math.max(...stops.map((stop) => stop.length)) + 16;
  return (tokens) => {
    for (let count = enough; ; count *= 2) {
      const whole = count >= tokens.length;
      const tail = wholeText(tokenizer, Int32Array.from(whole ? tokens : tokens.slice(-count)));
      if (!whole && tail.length < enough) continue;
      if (stopIndex(tail, stops) < 0) return false;
      return whole || stopIndex(wholeText(tokenizer, Int32Array.from(tokens)), stops) >= 0;
    }
  };
}
