import type { PrivilegedContext, PrivilegedPiece } from '../store.js';

/**
 * Cuts a context to a token budget. Pieces are kept in order; the one that exceeds the budget is cut at its end, and
 * those after it become empty. Cut pieces are marked as `truncated` with the span that is left, so that the record of
 * what was shown names every piece that was found.
 * @param countTokens number of tokens of a text; called about log2(length) times for the piece that is cut
 * @throws {RangeError} when `maxTokens` is not an integer of at least 0
 */
export function fitContext(
  context: PrivilegedContext,
  maxTokens: number,
  countTokens: (text: string) => number,
): PrivilegedContext {
  if (!Number.isInteger(maxTokens) || maxTokens < 0)
    throw new RangeError(`maxTokens: found ${maxTokens}, expected an integer of at least 0`);
  let left = maxTokens;
  const pieces = context.pieces.map((piece) => {
    const tokens = countTokens(piece.content);
    const fitting = tokens <= left ? piece : cut(piece, left, countTokens);
    left -= fitting === piece ? tokens : countTokens(fitting.content);
    return fitting;
  });
  return { pieces };
}

/** The longest prefix of at most `maxTokens` that bisection finds. It never ends inside a surrogate pair. */
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
