import type { Node } from '../parse/ast.js';
import { all, type Context, compareExpressions, constant, type Outcome } from './expressions.js';

/** A connected piece of the real line; `low` equal to `high` is a single point. */
interface Piece {
  readonly low: Node;
  readonly high: Node;
  readonly from: number;
  readonly to: number;
  readonly lowClosed: boolean;
  readonly highClosed: boolean;
}

const INFINITY: Node = { kind: 'symbol', name: 'infinity' };
const LINE: Piece = {
  low: { kind: 'negate', item: INFINITY },
  high: INFINITY,
  from: Number.NEGATIVE_INFINITY,
  to: Number.POSITIVE_INFINITY,
  lowClosed: false,
  highClosed: false,
};

const ZERO_NODE: Node = { kind: 'number', value: { n: 0n, d: 1n }, decimal: false };
const POSITIVE: Piece = { ...LINE, low: ZERO_NODE, from: 0 };
const NEGATIVE: Piece = { ...LINE, high: ZERO_NODE, to: 0 };
export const NAMED_SETS: ReadonlyMap<string, readonly Piece[]> = new Map(
  Object.entries({
    emptyset: [],
    '\\setR': [LINE],
    '\\setRpositive': [POSITIVE],
    '\\setRnegative': [NEGATIVE],
    '\\setRnonzero': [NEGATIVE, POSITIVE],
  }),
);

/** The pieces of a set of real numbers from left to right; undefined if it is none. */
export function pieces(node: Node, context: Context): readonly Piece[] | undefined {
  const found = rawPieces(node, context);
  if (!found) return undefined;
  const merged: Piece[] = [];
  for (const piece of [...found].sort((a, b) => a.from - b.from || Number(b.lowClosed) - Number(a.lowClosed))) {
    const last = merged.at(-1);
    if (last && (piece.from < last.to || (piece.from === last.to && (piece.lowClosed || last.highClosed)))) {
      const further = piece.to > last.to || (piece.to === last.to && piece.highClosed);
      if (further)
        merged[merged.length - 1] = { ...last, high: piece.high, to: piece.to, highClosed: piece.highClosed };
    } else merged.push(piece);
  }
  return merged;
}

function rawPieces(node: Node, context: Context): readonly Piece[] | undefined {
  if (node.kind === 'symbol') return NAMED_SETS.get(node.name);
  if (node.kind === 'list') {
    const [low, high] = node.items;
    if (low && high && node.items.length === 2 && (node.open === '(' || node.open === '[')) {
      const [a, b] = [constant(low, context)?.z, constant(high, context)?.z];
      if (!a || !b || a.im !== 0 || b.im !== 0 || a.re > b.re) return undefined;
      const closed = { lowClosed: node.open === '[', highClosed: node.close === ']' };
      if (a.re === b.re && !(closed.lowClosed && closed.highClosed)) return [];
      return [{ low, high, from: a.re, to: b.re, ...closed }];
    }
    if (node.open === '') {
      const parts = node.items.map((item) =>
        item.kind === 'list' || item.kind === 'setOperation' ? pieces(item, context) : undefined,
      );
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    if (!node.open.endsWith('{')) return undefined;
    const points = node.items.map((item) => point(item, context));
    return points.every((piece) => piece !== undefined) ? points : undefined;
  }
  if (node.kind !== 'setOperation') return undefined;
  const [left, right] = [pieces(node.left, context), pieces(node.right, context)];
  if (!left || !right) return undefined;
  if (node.operation === 'union') return [...left, ...right];
  const other = node.operation === 'minus' ? complement(right) : right;
  return left.flatMap((a) => other.flatMap((b) => intersect(a, b)));
}

function point(node: Node, context: Context): Piece | undefined {
  const at = constant(node, context)?.z;
  return at && at.im === 0
    ? { low: node, high: node, from: at.re, to: at.re, lowClosed: true, highClosed: true }
    : undefined;
}

function complement(parts: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  let open: Pick<Piece, 'low' | 'from' | 'lowClosed'> = LINE;
  for (const part of parts) {
    const gap: Piece = { ...open, high: part.low, to: part.from, highClosed: !part.lowClosed };
    if (gap.from < gap.to || (gap.from === gap.to && gap.lowClosed && gap.highClosed)) result.push(gap);
    open = { low: part.high, from: part.to, lowClosed: !part.highClosed };
  }
  if (open.from < Number.POSITIVE_INFINITY) result.push({ ...LINE, ...open });
  return result;
}

function intersect(a: Piece, b: Piece): readonly Piece[] {
  const low = a.from > b.from || (a.from === b.from && !a.lowClosed) ? a : b;
  const high = a.to < b.to || (a.to === b.to && !a.highClosed) ? a : b;
  const piece = {
    low: low.low,
    from: low.from,
    lowClosed: low.lowClosed,
    high: high.high,
    to: high.to,
    highClosed: high.highClosed,
  };
  return piece.from < piece.to || (piece.from === piece.to && piece.lowClosed && piece.highClosed) ? [piece] : [];
}

export function comparePieces(gold: readonly Piece[], answer: readonly Piece[], context: Context): Outcome {
  if (gold.length !== answer.length) return 'no';
  return all(
    gold.map((g, k) => {
      const a = answer[k];
      if (!a || a.lowClosed !== g.lowClosed || a.highClosed !== g.highClosed) return 'no';
      return all([compareExpressions(g.low, a.low, context), compareExpressions(g.high, a.high, context)]);
    }),
  );
}
