import { evaluate, fromNumber, fromRational, type Value } from '../evaluate/evaluate.js';
import { compare as compareRational } from '../evaluate/rational.js';
import { children, type Node, ParseFailure, type Relation, symbols } from '../parse/ast.js';
import { type Context, constant, free, type Outcome } from './expressions.js';
import { pieces } from './sets.js';

type Membership = (at: Value) => boolean | undefined;

/** Whether a number is in the set that a node describes: relations in one variable, lists of them, or intervals. */
export function membership(node: Node, context: Context): Membership | undefined {
  if (node.kind === 'builder') return membership(node.condition, context);
  if (node.kind === 'relation') return relationMembership(node.terms, node.relations, context);
  if (node.kind === 'list' && node.open === '' && node.items.every((item) => item.kind === 'relation')) {
    const parts = node.items.map((item) => membership(item, context));
    const every: Membership = (at) => parts.every((part) => part?.(at) === true);
    // `x > 1, x < 5` is one interval. No number satisfies both of `x < 1, x > 5`, so those are two.
    if (node.joint !== 'or' && probesAround([node], context).some(every)) return every;
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

/** Whether two descriptions have the same members, tested at and around every constant and across the line. */
export function compareMembership(gold: Node, answer: Node, context: Context): Outcome {
  const [inGold, inAnswer] = [membership(gold, context), membership(answer, context)];
  if (!inGold || !inAnswer) return 'unsure';
  const grid = gridOver(marksIn([gold, answer], context));
  const probes = [...probesAround([gold, answer], context)];
  // Bisect the boundaries of each description from both sides.
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

/** The constants in the nodes and their negatives. */
const marksIn = (nodes: readonly Node[], context: Context): readonly Value[] =>
  nodes.flatMap((node) => constants(node, context)).flatMap((value) => [value, ...mirrored(value)]);

const around = (marks: readonly Value[]): readonly Value[] =>
  marks.flatMap((mark) => {
    const step = 1e-7 * Math.max(1, Math.abs(mark.z.re));
    return [mark, ...[-step, step, -1e-3, 1e-3].map((offset) => fromNumber(mark.z.re + offset))];
  });

function gridOver(marks: readonly Value[]): readonly number[] {
  const reach = Math.max(10, ...marks.map(({ z }) => Math.abs(z.re))) * 3;
  return Array.from({ length: 241 }, (_, k) => -reach + (2 * reach * k) / 240 + 0.0137);
}

/** Numbers where membership may change, and some across the line. */
function probesAround(nodes: readonly Node[], context: Context): readonly Value[] {
  const marks = marksIn(nodes, context);
  return [...around(marks), ...gridOver(marks).map(fromNumber)];
}

const mirrored = (value: Value): readonly Value[] =>
  value.exact ? [fromRational({ n: -value.exact.n, d: value.exact.d })] : [fromNumber(-value.z.re)];

/** Every finite number in a node. */
function constants(node: Node, context: Context): readonly Value[] {
  const whole = symbols(node).every((name) => name === 'pi' || name === 'e') ? constant(node, context) : undefined;
  if (whole && whole.z.im === 0 && Number.isFinite(whole.z.re)) return [whole];
  return children(node)
    .flatMap((child) => constants(child, context))
    .slice(0, 60);
}
