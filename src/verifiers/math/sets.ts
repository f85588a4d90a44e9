import { type Node, ParseFailure, type Relation, symbols } from './ast.js';
import { evaluate, fromNumber, fromRational, type Value } from './evaluate.js';
import { compare as compareRational } from './rational.js';
import { all, type Context, compareExpressions, constant, free, type Outcome } from './values.js';

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

/** The pieces of a set of real numbers from left to right, or undefined where it is none. */
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
  if (node.kind === 'symbol') return node.name === '\\setR' ? [LINE] : node.name === 'emptyset' ? [] : undefined;
  if (node.kind === 'list') {
    const [low, high] = node.items;
    if (low && high && node.items.length === 2 && (node.open === '(' || node.open === '[')) {
      const [a, b] = [constant(low, context)?.z, constant(high, context)?.z];
      if (!a || !b || a.im !== 0 || b.im !== 0 || a.re > b.re) return undefined;
      const closed = { lowClosed: node.open === '[', highClosed: node.close === ']' };
      if (a.re === b.re && !(closed.lowClosed && closed.highClosed)) return [];
      return [{ low, high, from: a.re, to: b.re, ...closed }];
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

type Membership = (at: Value) => boolean | undefined;

/** Is a number in the set that a node describes: relations in one variable, lists of them, or pieces of the line. */
export function membership(node: Node, context: Context): Membership | undefined {
  if (node.kind === 'builder') return membership(node.condition, context);
  if (node.kind === 'relation') return relationMembership(node.terms, node.relations, context);
  if (node.kind === 'list' && node.open === '' && node.items.every((item) => item.kind === 'relation')) {
    const parts = node.items.map((item) => membership(item, context));
    return (at) => parts.some((part) => part?.(at) === true);
  }
  const parts = pieces(node, context);
  if (!parts) return undefined;
  return ({ z: { re } }) =>
    parts.some(
      (part) =>
        (re > part.from || (part.lowClosed && re === part.from)) &&
        (re < part.to || (part.highClosed && re === part.to)),
    );
}

function relationMembership(
  terms: readonly Node[],
  relations: readonly Relation[],
  context: Context,
): Membership | undefined {
  const variables = [...new Set(terms.flatMap(free))];
  const [variable] = variables;
  if (!variable || variables.length !== 1) return undefined;
  return (at) => {
    const scope = { symbols: new Map([[variable, at]]), budget: context.budget, left: { real: false } };
    try {
      const values = terms.map((term) => evaluate(term, scope));
      if (scope.left.real) return false;
      return relations.every((relation, k) => {
        const [left, right] = [values[k], values[k + 1]];
        return left && right ? holds(left, relation, right) : false;
      });
    } catch (error) {
      if (error instanceof ParseFailure) return false;
      throw error;
    }
  };
}

function holds(left: Value, relation: Relation, right: Value): boolean {
  const near = Math.abs(left.z.re - right.z.re) <= 1e-12 * Math.max(1, Math.abs(left.z.re));
  const order =
    left.exact && right.exact ? compareRational(left.exact, right.exact) : near ? 0 : Math.sign(left.z.re - right.z.re);
  switch (relation) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return false;
  }
}

/** Do two descriptions hold for the same numbers? Tried at every constant in them, around each, and across the line. */
export function compareMembership(gold: Node, answer: Node, context: Context): Outcome {
  const [inGold, inAnswer] = [membership(gold, context), membership(answer, context)];
  if (!inGold || !inAnswer) return 'unsure';
  const probes: Value[] = [];
  const marks = [...constants(gold, context), ...constants(answer, context)].flatMap((value) => [
    value,
    ...mirrored(value),
  ]);
  for (const mark of marks) {
    probes.push(mark);
    const step = 1e-7 * Math.max(1, Math.abs(mark.z.re));
    for (const offset of [-step, step, -1e-3, 1e-3]) probes.push(fromNumber(mark.z.re + offset));
  }
  const reach = Math.max(10, ...marks.map(({ z }) => Math.abs(z.re))) * 3;
  const grid = Array.from({ length: 241 }, (_, k) => -reach + (2 * reach * k) / 240 + 0.0137);
  for (const at of grid) probes.push(fromNumber(at));
  // The edges of each description, closed in on from both sides.
  for (const inside of [inGold, inAnswer])
    for (const [k, at] of grid.slice(1).entries()) {
      const before = grid[k] ?? at;
      if (inside(fromNumber(before)) === inside(fromNumber(at))) continue;
      let [low, high] = [before, at];
      for (let step = 0; step < 40; step++) {
        const middle = (low + high) / 2;
        if (inside(fromNumber(middle)) === inside(fromNumber(low))) low = middle;
        else high = middle;
      }
      const step = 1e-7 * Math.max(1, Math.abs(low));
      probes.push(fromNumber(low - step), fromNumber(low + step));
    }
  let some = false;
  for (const probe of probes) {
    const [g, a] = [inGold(probe), inAnswer(probe)];
    if (g !== a) return 'no';
    some ||= g === true;
  }
  if (context.budget.steps < 0) return 'unsure';
  return some ? 'yes' : 'unsure';
}

const mirrored = (value: Value): readonly Value[] =>
  value.exact ? [fromRational({ n: -value.exact.n, d: value.exact.d })] : [fromNumber(-value.z.re)];

/** Every finite number that stands anywhere in a node. */
function constants(node: Node, context: Context): readonly Value[] {
  const whole = symbols(node).every((name) => name === 'pi' || name === 'e') ? constant(node, context) : undefined;
  if (whole && whole.z.im === 0 && Number.isFinite(whole.z.re)) return [whole];
  const inner =
    node.kind === 'relation'
      ? node.terms
      : node.kind === 'list' || node.kind === 'add' || node.kind === 'multiply' || node.kind === 'call'
        ? node.items
        : node.kind === 'setOperation' || node.kind === 'divide' || node.kind === 'power'
          ? [node.left, node.right]
          : node.kind === 'builder'
            ? [node.condition]
            : node.kind === 'negate'
              ? [node.item]
              : [];
  return inner.flatMap((child) => constants(child, context)).slice(0, 60);
}
