import type { PrivilegedContext, PrivilegedPiece } from '../store.js';

/**
 * Cuts a context to a budget: pieces are taken in their order, the one that crosses the budget loses its end, and what comes after it
 * stays as an empty piece, so that the record of what was shown names every piece found: `truncated`, with the span that was left.
 * @param countTokens Tokens of a text; called about log2(length) times for the one piece that is cut.
 * @throws {RangeError} when `maxTokens` is not a whole number of at least 0.
 */
export function fitContext(
  context: PrivilegedContext,
  maxTokens: number,
  countTokens: (text: string) => number,
): PrivilegedContext {
  if (!Number.isInteger(maxTokens) || maxTokens < 0) throw new RangeError(`maxTokens is ${maxTokens}`);
  let left = maxTokens;
  const pieces = context.pieces.map((piece) => {
    const tokens = countTokens(piece.content);
    const fitting = tokens <= left ? piece : cut(piece, left, countTokens);
    left -= fitting === piece ? tokens : countTokens(fitting.content);
    return fitting;
  });
  return { pieces };
}

/** The longest beginning found by bisection that has at most `maxTokens`; never ends within a surrogate pair. */
function cut(piece: PrivilegedPiece, maxTokens: number, countTokens: (text: string) => number): PrivilegedPiece {
  let fits = 0;
  let tooLong = piece.content.length;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (countTokens(piece.content.slice(0, middle)) <= maxTokens) fits = middle;
    else tooLong = middle;
  }
  const splitsPair = /[\uD800-\uDBFF]$/.test(piece.content.slice(0, fits));
  const content = piece.content.slice(0, splitsPair ? fits - 1 : fits);
  return { ...piece, content, end: piece.start + content.length, truncated: true };
}
