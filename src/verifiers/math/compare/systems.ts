import { evaluate, fromRational } from '../evaluate/evaluate.js';
import { add, multiply, negate, type Rational, ZERO } from '../evaluate/rational.js';
import { type Node, ParseFailure } from '../parse/ast.js';
import { type Context, constant, free } from './expressions.js';

const MAX_UNKNOWNS = 4;

/** The unknowns and values of `x=1, y=2`. */
function solution(node: Node, context: Context): ReadonlyMap<string, Rational> | undefined {
  if (node.kind !== 'list' || node.open !== '' || node.items.length > MAX_UNKNOWNS) return undefined;
  const found = new Map<string, Rational>();
  for (const item of node.items) {
    if (item.kind !== 'relation' || item.relations.join() !== '=') return undefined;
    const [left, right] = item.terms;
    const value = right && constant(right, context)?.exact;
    if (left?.kind !== 'symbol' || !value || found.has(left.name)) return undefined;
    found.set(left.name, value);
  }
  return found.size > 1 ? found : undefined;
}

/** The linear equations of a list as rows of coefficients with the constant last; undefined if one is not linear. */
function rowsOf(node: Node, names: readonly string[], context: Context): readonly (readonly Rational[])[] | undefined {
  if (node.kind !== 'list' || node.open !== '' || node.items.length !== names.length) return undefined;
  const rows = node.items.map((item) => {
    const [left, right] = item.kind === 'relation' && item.relations.join() === '=' ? item.terms : [];
    return left && right && free(item).every((name) => names.includes(name))
      ? rowOf(left, right, names, context)
      : undefined;
  });
  return rows.every((row) => row !== undefined) ? rows : undefined;
}

function rowOf(left: Node, right: Node, names: readonly string[], context: Context): readonly Rational[] | undefined {
  const difference: Node = { kind: 'add', items: [left, { kind: 'negate', item: right }] };
  const at = (values: readonly bigint[]): Rational | undefined => {
    const symbols = new Map(names.map((name, k) => [name, fromRational({ n: values[k] ?? 0n, d: 1n })]));
    try {
      return evaluate(difference, { symbols, budget: context.budget, left: { real: false } }).exact;
    } catch (error) {
      if (error instanceof ParseFailure) return undefined;
      throw error;
    }
  };
  const origin = at(names.map(() => 0n));
  const units = names.map((_, k) => at(names.map((_, j) => (j === k ? 1n : 0n))));
  if (!origin || units.some((value) => !value)) return undefined;
  const row = units.map((value) => value && add(value, negate(origin)));
  // Linear: the same coefficients give the value at a point in general position.
  const point = [7n, -11n, 13n, 17n];
  const expected = row.reduce<Rational | undefined>((sum, coefficient, k) => {
    const term = coefficient && multiply(coefficient, { n: point[k] ?? 0n, d: 1n });
    return sum && term && add(sum, term);
  }, origin);
  const found = at(names.map((_, k) => point[k] ?? 0n));
  if (!expected || !found || expected.n !== found.n || expected.d !== found.d) return undefined;
  return [...row.flatMap((value) => (value ? [value] : [])), origin];
}

function rank(rows: readonly (readonly Rational[])[]): Rational {
  const [first, ...rest] = rows;
  if (!first) return { n: 1n, d: 1n };
  return first.slice(0, rows.length).reduce<Rational>((total, entry, k) => {
    const minor = rank(rest.map((row) => row.filter((_, j) => j !== k)));
    const term = multiply(k % 2 === 0 ? entry : negate(entry), minor) ?? ZERO;
    return add(total, term) ?? ZERO;
  }, ZERO);
}

/** Whether as many linear equations as unknowns have exactly the solution `x=1, y=2`. */
export function solves(gold: Node, answer: Node, context: Context): boolean {
  const values = solution(gold, context);
  if (!values) return false;
  const names = [...values.keys()];
  const rows = rowsOf(answer, names, context);
  if (!rows || rank(rows).n === 0n) return false;
  return rows.every((row) => {
    const total = names.reduce<Rational | undefined>((sum, name, k) => {
      const [coefficient, value] = [row[k], values.get(name)];
      const term = coefficient && value && multiply(coefficient, value);
      return sum && term && add(sum, term);
    }, row[names.length]);
    return total?.n === 0n;
  });
}
