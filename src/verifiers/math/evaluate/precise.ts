import { Decimal } from 'decimal.js';
import { type Node, ParseFailure } from '../parse/ast.js';
import { evaluate, type Scope, type Value } from './evaluate.js';
import type { Rational } from './rational.js';

/** A complex number of many digits. */
interface Precise {
  readonly re: Decimal;
  readonly im: Decimal;
}

/** Digits of the two evaluations: what is left of a difference in both is no rounding error. */
const DIGITS = 60;
const MORE_DIGITS = 90;
/** Numbers that agree in this many digits are equal. */
const AGREED = 70;
/** Larger expressions take too long. */
const MAX_NODES = 400;
/** Reducing a larger angle takes as many digits as it has. */
const LARGEST_ANGLE = 1e30;
const LARGEST_EXPONENT = 1e6;

interface Evaluation {
  readonly D: typeof Decimal;
  readonly pi: Decimal;
  readonly scope: Scope;
  nodes: number;
}

/** The expression cannot be evaluated to many digits. */
const FAILED = new ParseFailure('not evaluated to many digits');
/** A part is too small to show in so many digits, as in `1 + e^{-1000}`. */
const LOST = new ParseFailure('a part is too small for many digits');

const CONTEXTS = [DIGITS, MORE_DIGITS].map((precision) => {
  const D = Decimal.clone({ precision, maxE: 9e15, minE: -9e15 });
  return { D, pi: D.acos(-1) };
});

const real = (re: Decimal): Precise => ({ re, im: re.mul(0) });

function fromRational({ n, d }: Rational, { D }: Evaluation): Precise {
  return real(new D(n.toString()).div(d.toString()));
}

const plus = (a: Precise, b: Precise): Precise => ({ re: total(a.re, b.re), im: total(a.im, b.im) });
function total(a: Decimal, b: Decimal): Decimal {
  const sum = a.add(b);
  if ((sum.eq(a) && !b.isZero()) || (sum.eq(b) && !a.isZero())) throw LOST;
  return sum;
}
const opposite = (a: Precise): Precise => ({ re: a.re.neg(), im: a.im.neg() });
const times = (a: Precise, b: Precise): Precise => ({
  re: a.re.mul(b.re).sub(a.im.mul(b.im)),
  im: a.re.mul(b.im).add(a.im.mul(b.re)),
});
const size = (a: Precise): Decimal => (a.im.isZero() ? a.re.abs() : a.re.mul(a.re).add(a.im.mul(a.im)).sqrt());

function over(a: Precise, b: Precise): Precise {
  const square = b.re.mul(b.re).add(b.im.mul(b.im));
  if (square.isZero()) throw FAILED;
  const quotient = times(a, { re: b.re, im: b.im.neg() });
  return { re: quotient.re.div(square), im: quotient.im.div(square) };
}

function exponential(a: Precise): Precise {
  const length = a.re.exp();
  if (length.eq(1) && !a.re.isZero()) throw LOST;
  if (a.im.isZero()) return real(length);
  if (a.im.abs().gt(LARGEST_ANGLE)) throw FAILED;
  return { re: length.mul(a.im.cos()), im: length.mul(a.im.sin()) };
}

function squareRoot(a: Precise): Precise {
  if (a.im.isZero()) return a.re.isNegative() ? { re: a.im, im: a.re.neg().sqrt() } : real(a.re.sqrt());
  const length = size(a);
  const im = length.sub(a.re).div(2).sqrt();
  return { re: length.add(a.re).div(2).sqrt(), im: a.im.isNegative() ? im.neg() : im };
}

function positive(a: Precise): Decimal {
  if (!a.im.isZero() || !a.re.isPositive() || a.re.isZero()) throw FAILED;
  return a.re;
}

function raise(a: Precise, b: Precise): Precise {
  const power = powerOf(a, b);
  const isOne = power.re.eq(1) && power.im.isZero();
  if (isOne && !size(a).eq(1) && !size(b).isZero()) throw LOST;
  return power;
}

function powerOf(a: Precise, b: Precise): Precise {
  if (!b.im.isZero()) return exponential(times(b, real(positive(a).ln())));
  if (!b.re.isInteger()) return real(positive(a).pow(b.re));
  if (a.im.isZero()) {
    if (a.re.isZero() && !b.re.isPositive()) throw FAILED;
    return real(a.re.pow(b.re));
  }
  if (b.re.abs().gt(LARGEST_EXPONENT)) throw FAILED;
  let [result, base] = [real(b.re.mul(0).add(1)), a];
  for (let k = Math.abs(b.re.toNumber()); k > 0; k = Math.floor(k / 2)) {
    if (k % 2 === 1) result = times(result, base);
    base = times(base, base);
  }
  return b.re.isNegative() ? over(real(b.re.mul(0).add(1)), result) : result;
}

const angle = (x: Decimal): Decimal => {
  if (x.abs().gt(LARGEST_ANGLE)) throw FAILED;
  return x;
};

/** Functions of a real number. */
const REAL: ReadonlyMap<string, (x: Decimal, pi: Decimal) => Decimal> = new Map(
  Object.entries({
    sin: (x) => angle(x).sin(),
    cos: (x) => angle(x).cos(),
    tan: (x) => angle(x).sin().div(x.cos()),
    cot: (x) => angle(x).cos().div(x.sin()),
    sec: (x) => x.mul(0).add(1).div(angle(x).cos()),
    csc: (x) => x.mul(0).add(1).div(angle(x).sin()),
    arcsin: (x) => x.asin(),
    arccos: (x) => x.acos(),
    arctan: (x) => x.atan(),
    arccot: (x, pi) => pi.div(2).sub(x.atan()),
    sinh: (x) => x.sinh(),
    cosh: (x) => x.cosh(),
    tanh: (x) => x.tanh(),
    arsinh: (x) => x.asinh(),
    arcosh: (x) => x.acosh(),
    artanh: (x) => x.atanh(),
    cbrt: (x) => x.cbrt(),
  } satisfies Record<string, (x: Decimal, pi: Decimal) => Decimal>),
);

/** Functions that come so near to 1 that no digit shows the difference: near 0, or tanh of large numbers. */
const FLAT = /^(?:cos|cosh|sec|tanh)$/;

function call(name: string, items: readonly Node[], e: Evaluation): Precise {
  const [first, second] = items.map((item) => precise(item, e));
  if (!first) throw FAILED;
  const apply = REAL.get(name);
  if (apply && items.length === 1 && first.im.isZero()) {
    const value = apply(first.re, e.pi);
    if (FLAT.test(name) && value.abs().eq(1) && !first.re.isZero() && (name === 'tanh' || first.re.abs().lt(1e-9)))
      throw LOST;
    return real(value);
  }
  switch (name) {
    case 'sqrt':
      return squareRoot(first);
    case 'exp':
      return exponential(first);
    case 'abs':
      return real(size(first));
    case 'ln':
    case 'log':
      return real(positive(first).ln());
    case 'lg':
      return real(positive(first).log(10));
    case 'cis':
      return exponential(times({ re: first.re.mul(0), im: first.re.mul(0).add(1) }, first));
    case 'conjugate':
      return { re: first.re, im: first.im.neg() };
    case 'logBase':
      return second ? over(real(positive(first).ln()), real(positive(second).ln())) : first;
    case 'root':
      return second ? rootOf(first, second) : first;
    default:
      throw FAILED;
  }
}

/** The real root: that of a negative number has an odd index. */
function rootOf(a: Precise, index: Precise): Precise {
  if (!a.im.isZero() || !index.im.isZero() || !index.re.isInteger()) throw FAILED;
  if (a.re.isZero()) return a;
  const inverse = index.re.pow(-1);
  if (a.re.isPositive()) return real(a.re.pow(inverse));
  if (index.re.mod(2).isZero()) throw FAILED;
  return real(a.re.neg().pow(inverse).neg());
}

/** The exact value of an operation that is evaluated only exactly, such as a factorial. */
function exactly(node: Node, e: Evaluation): Precise {
  const { exact } = evaluate(node, e.scope);
  if (!exact) throw FAILED;
  return fromRational(exact, e);
}

function symbol(name: string, e: Evaluation): Precise {
  const bound: Value | undefined = e.scope.symbols.get(name);
  if (bound?.exact) return fromRational(bound.exact, e);
  if (name === 'pi') return real(e.pi);
  if (name === 'e') return real(e.D.exp(1));
  if (name === 'i') return { re: new e.D(0), im: new e.D(1) };
  throw FAILED;
}

/** @throws ParseFailure if the expression has no value of many digits */
function precise(node: Node, e: Evaluation): Precise {
  if (++e.nodes > MAX_NODES) throw FAILED;
  const value = (inner: Node): Precise => precise(inner, e);
  switch (node.kind) {
    case 'number':
      return fromRational(node.value, e);
    case 'symbol':
      return symbol(node.name, e);
    case 'add':
      return node.items.map(value).reduce(plus);
    case 'multiply':
      return node.items.map(value).reduce(times);
    case 'divide':
      return over(value(node.left), value(node.right));
    case 'power':
      return node.left.kind === 'symbol' && node.left.name === 'e' && !e.scope.symbols.has('e')
        ? exponential(value(node.right))
        : raise(value(node.left), value(node.right));
    case 'negate':
      return opposite(value(node.item));
    case 'percent':
      return over(value(node.item), real(new e.D(100)));
    case 'degrees':
      return times(value(node.item), real(e.pi.div(180)));
    case 'call':
      return node.known && (REAL.has(node.name) || SUPPORTED.test(node.name))
        ? call(node.name, node.items, e)
        : exactly(node, e);
    default:
      return exactly(node, e);
  }
}

const SUPPORTED = /^(?:sqrt|exp|abs|ln|log|lg|cis|conjugate|logBase|root)$/;

/** The value with each number of digits; undefined if there is none. */
function both(node: Node, scope: Scope): readonly Precise[] | 'lost' | undefined {
  try {
    return CONTEXTS.map((context) => {
      const value = precise(node, { ...context, scope, nodes: 0 });
      if (!value.re.isFinite() || !value.im.isFinite()) throw FAILED;
      return value;
    });
  } catch (error) {
    if (error === LOST) return 'lost';
    if (error instanceof ParseFailure) return undefined;
    throw error;
  }
}

/**
 * Whether two expressions have the same value in 70 digits; undefined if one cannot be evaluated to so many, and `lost`
 * if a part of one is too small to show in them. A difference that vanishes with more digits is a rounding error.
 */
export function samePrecisely(gold: Node, answer: Node, scope: Scope): boolean | 'lost' | undefined {
  const difference = both({ kind: 'add', items: [gold, { kind: 'negate', item: answer }] }, scope);
  const expected = both(gold, scope);
  if (difference === 'lost' || expected === 'lost') return 'lost';
  const [g] = expected ?? [];
  const [rough, fine] = difference ?? [];
  if (!g || !rough || !fine) return undefined;
  const [left, larger] = [size(fine), size(rough)];
  if (left.isZero()) return true;
  if (left.lt(larger.mul(`1e-${MORE_DIGITS - DIGITS - 10}`))) return true;
  return left.lte(size(g).mul(`1e-${AGREED}`));
}
