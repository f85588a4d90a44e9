import { minus, modulus } from '../evaluate/complex.js';
import { evaluate, fromRational, isConstant, type Scope, type Value } from '../evaluate/evaluate.js';
import { samePrecisely } from '../evaluate/precise.js';
import { compare, distance, rounded, toNumber } from '../evaluate/rational.js';
import { isImaginary, type Node, ParseFailure, some, symbols } from '../parse/ast.js';

/** Unsure: nothing contradicts equality and nothing shows it. */
export type Outcome = 'yes' | 'no' | 'unsure';

export interface Context {
  /** Decimals that are compared if one side is written with a decimal point. */
  readonly precision: number;
  readonly strict: boolean;
  readonly allowSetRelation: boolean;
  readonly budget: { steps: number };
}

/** Relative floating-point error allowed between exact expressions. */
const NOISE = 1e-10;

/** Whether any number in it is written with a decimal point. */
export const hasDecimal = (node: Node): boolean => some(node, (inner) => inner.kind === 'number' && inner.decimal);

export function free(node: Node): readonly string[] {
  return symbols(node).filter((name) => !isConstant(name));
}

function attempt(node: Node, scope: Scope): Value | undefined {
  try {
    return evaluate(node, scope);
  } catch (error) {
    if (error instanceof ParseFailure) return undefined;
    throw error;
  }
}

export function constant(node: Node, context: Context): Value | undefined {
  const value = attempt(node, { symbols: new Map(), budget: context.budget, left: { real: false } });
  const finite = value && Number.isFinite(value.z.re) && Number.isFinite(value.z.im);
  // Infinity is a value only if it is written, not after an overflow.
  return finite || some(node, (inner) => inner.kind === 'symbol' && inner.name === 'infinity') ? value : undefined;
}

/** Whether two numbers are equal, exactly or after rounding if one is written as a decimal. */
export function sameNumber(gold: Value, answer: Value, decimal: boolean, precision: number): boolean {
  if (gold.exact && answer.exact) {
    if (compare(gold.exact, answer.exact) === 0) return true;
    if (!decimal) return false;
    if (rounded(gold.exact, precision) === rounded(answer.exact, precision))
      return significant(gold, answer, precision);
    // Doubles would lose the difference of large numbers.
    const apart = toNumber(distance(gold.exact, answer.exact));
    return apart <= 0.5000001 * 10 ** -precision && significant(gold, answer, precision);
  }
  const [x, y] = [gold.z, answer.z];
  if (!Number.isFinite(x.re) || !Number.isFinite(y.re)) return x.re === y.re && x.im === y.im;
  const difference = modulus(minus(x, y));
  const size = Math.max(modulus(x), modulus(y));
  if (difference <= NOISE * size) return true;
  if (size < NOISE && difference < 1e-13) return true;
  return decimal && difference <= 0.5000001 * 10 ** -precision && significant(gold, answer, precision);
}

/** A number too small for that many decimals is compared in its leading digits. */
function significant(gold: Value, answer: Value, precision: number): boolean {
  const size = Math.max(modulus(gold.z), modulus(answer.z));
  return size >= Math.min(0.01, 10 ** (2 - precision)) || modulus(minus(gold.z, answer.z)) <= 1e-3 * size;
}

function hash(text: string): number {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 16777619);
  value = Math.imul(value ^ (value >>> 15), 2246822507);
  return (value ^ (value >>> 13)) >>> 0;
}

/** Symbols that must be integers: bounds of sums, factorials, indices. */
function integerSymbols(node: Node, into = new Set<string>()): Set<string> {
  some(node, (inner) => {
    const places =
      inner.kind === 'bind'
        ? [inner.from, inner.to]
        : inner.kind === 'call' && /^(?:factorial|doubleFactorial|binomial|gcd|lcm)$/.test(inner.name)
          ? inner.items
          : [];
    for (const place of places) for (const name of symbols(place)) into.add(name);
    return false;
  });
  return into;
}

const POSITIVE = 5;
const MIXED = 7;

/** 5 points with positive values and 7 with either sign, derived from the symbol names alone. */
export function samplePoints(nodes: readonly Node[]): readonly ReadonlyMap<string, Value>[] {
  const names = [...new Set(nodes.flatMap(free))];
  const whole = new Set(nodes.flatMap((node) => [...integerSymbols(node)]));
  return Array.from({ length: POSITIVE + MIXED }, (_, point) => {
    const entries = names.map((name): [string, Value] => {
      const draw = hash(`${name}#${point}`);
      if (whole.has(name)) return [name, fromRational({ n: BigInt(2 + (draw % 6)), d: 1n })];
      const size = 11 + (draw % 397);
      const sign = point >= POSITIVE && ((draw >>> 10) + point) % 3 !== 0 ? -1 : 1;
      const d = point % 3 === 0 ? 401 : 127;
      return [name, fromRational({ n: BigInt(sign * size), d: BigInt(d) })];
    });
    return new Map(entries);
  });
}

export interface Pair {
  /** The values of the symbols. */
  readonly at: ReadonlyMap<string, Value>;
  readonly gold: Value;
  readonly answer: Value;
}

/** Both expressions at every sample point where both have a real value. */
export function sampledPairs(gold: Node, answer: Node, context: Context): readonly Pair[] {
  const imaginary = some(gold, isImaginary) || some(answer, isImaginary);
  return samplePoints([gold, answer]).flatMap((symbolsAt) => {
    const scope: Scope = { symbols: symbolsAt, budget: context.budget, left: { real: false } };
    const g = attempt(gold, scope);
    const a = g && attempt(answer, scope);
    if (!g || !a || (scope.left.real && !imaginary)) return [];
    const finite = [g.z.re, g.z.im, a.z.re, a.z.im].every((part) => Number.isFinite(part) && Math.abs(part) < 1e250);
    return finite || (g.exact && a.exact) ? [{ at: symbolsAt, gold: g, answer: a }] : [];
  });
}

/** Compares two expressions as numbers if they have no free symbols, otherwise at seeded points. */
export function compareExpressions(gold: Node, answer: Node, context: Context): Outcome {
  const decimal = hasDecimal(gold) || hasDecimal(answer);
  const [goldNames, answerNames] = [free(gold), free(answer)];
  if (goldNames.length === 0 && answerNames.length === 0) {
    const [g, a] = [constant(gold, context), constant(answer, context)];
    if (g && a && (decimal || (g.exact && a.exact) || !sameNumber(g, a, false, context.precision)))
      return sameNumber(g, a, decimal, context.precision) ? 'yes' : 'no';
    return confirmed(gold, answer, new Map(), g && a ? 'yes' : 'unsure', context);
  }
  if (!context.strict && goldNames.length === answerNames.length && goldNames.length <= 4) {
    const renamed = permutations(goldNames).map((names) =>
      rename(answer, new Map(answerNames.map((name, k) => [name, names[k] ?? name]))),
    );
    return best(renamed.map((candidate) => compareSampled(gold, candidate, decimal, context)));
  }
  return compareSampled(gold, answer, decimal, context);
}

/** Points at which expressions that agree in floating point are evaluated to many digits. */
const CONFIRMED = 2;

/** Checks to many digits what floating-point numbers say. */
function confirmed(
  gold: Node,
  answer: Node,
  symbolsAt: ReadonlyMap<string, Value>,
  otherwise: Outcome,
  context: Context,
): Outcome {
  const same = samePrecisely(gold, answer, { symbols: symbolsAt, budget: context.budget, left: { real: false } });
  if (same === 'lost') return 'unsure';
  return same === undefined ? otherwise : same ? 'yes' : 'no';
}

function compareSampled(gold: Node, answer: Node, decimal: boolean, context: Context): Outcome {
  const pairs = sampledPairs(gold, answer, context);
  if (pairs.some((pair) => !samePoint(pair, decimal, context.precision))) return 'no';
  if (pairs.length < 3) return 'unsure';
  const doubtful = decimal ? [] : pairs.filter((pair) => !pair.gold.exact || !pair.answer.exact).slice(0, CONFIRMED);
  return all(doubtful.map((pair) => confirmed(gold, answer, pair.at, 'yes', context)));
}

function samePoint({ gold, answer }: Pair, decimal: boolean, precision: number): boolean {
  if (gold.exact && answer.exact && compare(gold.exact, answer.exact) === 0) return true;
  if (gold.exact && answer.exact && !decimal) return false;
  const size = Math.max(modulus(gold.z), modulus(answer.z));
  const difference = modulus(minus(gold.z, answer.z));
  return difference <= (decimal ? 0.5 * 10 ** -precision : 1e-9) * size || (size < 1e-9 && difference < 1e-12);
}

export function best(outcomes: readonly Outcome[]): Outcome {
  return outcomes.includes('yes') ? 'yes' : outcomes.includes('unsure') ? 'unsure' : 'no';
}

export function all(outcomes: Iterable<Outcome>): Outcome {
  let result: Outcome = 'yes';
  for (const outcome of outcomes) {
    if (outcome === 'no') return 'no';
    if (outcome === 'unsure') result = 'unsure';
  }
  return result;
}

export function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first, k) => permutations(items.filter((_, j) => j !== k)).map((rest) => [first, ...rest]));
}

/** Renames the symbols of an expression. */
export const rename = (node: Node, names: ReadonlyMap<string, string>): Node =>
  substitute(node, (name) => ({ kind: 'symbol', name: names.get(name) ?? name }));

/** Replaces each symbol of an expression by `by(name)`. */
export function substitute(node: Node, by: (name: string) => Node): Node {
  const again = (inner: Node): Node => substitute(inner, by);
  switch (node.kind) {
    case 'symbol':
      return by(node.name);
    case 'add':
    case 'multiply':
    case 'ratio':
    case 'list':
    case 'call':
      return { ...node, items: node.items.map(again) };
    case 'divide':
    case 'power':
    case 'setOperation':
      return { ...node, left: again(node.left), right: again(node.right) };
    case 'negate':
    case 'degrees':
    case 'percent':
    case 'plusMinus':
    case 'minusPlus':
    case 'unit':
      return { ...node, item: again(node.item) };
    case 'bind':
      return { ...node, from: again(node.from), to: again(node.to), body: again(node.body) };
    case 'relation':
      return { ...node, terms: node.terms.map(again) };
    case 'matrix':
      return { ...node, rows: node.rows.map((row) => row.map(again)) };
    case 'builder':
      return { ...node, condition: again(node.condition) };
    default:
      return node;
  }
}
