import { type Node, ParseFailure } from '../parse/ast.js';
import * as z from './complex.js';
import { callFunction } from './functions.js';
import { add, divide, multiply, negate, power, type Rational, rational, root, toNumber } from './rational.js';
import { scaleOf } from './units.js';

/** A floating-point value, and the exact one if only rational arithmetic was needed. */
export interface Value {
  readonly exact: Rational | undefined;
  readonly z: z.Complex;
}

export interface Scope {
  readonly symbols: ReadonlyMap<string, Value>;
  /** Remaining work, shared by all evaluations of one comparison. */
  readonly budget: { steps: number };
  /** Set when a real input gives a complex value, such as the square root of a negative number. */
  left: { real: boolean };
}

/** No finite value: a division by zero, a structure in place of a number, or too much work. */
export class NoValue extends ParseFailure {}

export const fromRational = (exact: Rational): Value => ({ exact, z: z.complex(toNumber(exact)) });
export const fromNumber = (re: number): Value => ({ exact: undefined, z: z.complex(re) });
const fromComplex = (value: z.Complex): Value => ({ exact: undefined, z: value });

const CONSTANTS: ReadonlyMap<string, z.Complex> = new Map(
  Object.entries({
    pi: z.complex(Math.PI),
    e: z.complex(Math.E),
    i: z.complex(0, 1),
    infinity: z.complex(Number.POSITIVE_INFINITY),
  }),
);
export const isConstant = (name: string): boolean => CONSTANTS.has(name);

function finite(value: Value): Value {
  if (Number.isNaN(value.z.re) || Number.isNaN(value.z.im)) throw new NoValue('a value is not defined');
  return value;
}

const sum = (a: Value, b: Value): Value => {
  const exact = a.exact && b.exact && add(a.exact, b.exact);
  return exact ? fromRational(exact) : fromComplex(z.plus(a.z, b.z));
};
const product = (a: Value, b: Value): Value => {
  const exact = a.exact && b.exact && multiply(a.exact, b.exact);
  return exact ? fromRational(exact) : fromComplex(z.times(a.z, b.z));
};
const opposite = (a: Value): Value =>
  a.exact ? fromRational(negate(a.exact)) : fromComplex(z.complex(-a.z.re, a.z.im === 0 ? 0 : -a.z.im));

export function quotient(a: Value, b: Value): Value {
  if (b.exact?.n === 0n || z.modulus(b.z) === 0) throw new NoValue('a division by zero');
  const exact = a.exact && b.exact && divide(a.exact, b.exact);
  return exact ? fromRational(exact) : finite(fromComplex(z.over(a.z, b.z)));
}

export function raise(a: Value, b: Value, scope: Scope): Value {
  if (a.exact && b.exact) {
    const base = b.exact.d === 1n ? a.exact : root(a.exact, b.exact.d);
    const exact = base && power(base, b.exact.n);
    if (exact) return fromRational(exact);
  }
  if (z.modulus(a.z) === 0 && b.z.re <= 0) throw new NoValue('zero to a power that is not positive');
  if (a.z.im === 0 && a.z.re < 0 && b.z.im === 0 && !Number.isInteger(b.z.re)) {
    const denominator = b.exact?.d;
    if (denominator !== undefined && denominator % 2n === 1n) {
      const size = z.pow(z.complex(-a.z.re), b.z).re;
      return fromNumber((b.exact?.n ?? 0n) % 2n === 0n ? size : -size);
    }
    scope.left.real = true;
  }
  return finite(fromComplex(inRange(z.pow(a.z, b.z), a.z, b.z)));
}

/**
 * A power, unless floating point lost it: one of finite numbers that comes out as 0 or infinite, or as 1 although
 * neither the base nor the exponent makes it so, as in `0.1^{10^{-300}}`.
 * @throws NoValue if it is lost
 */
function inRange(power: z.Complex, base: z.Complex, exponent: z.Complex): z.Complex {
  const size = z.modulus(power);
  if (size !== 0 && size !== 1 && Number.isFinite(size)) return power;
  const from = z.modulus(base);
  const given = from !== 0 && Number.isFinite(from) && Number.isFinite(z.modulus(exponent));
  const isOne = power.re === 1 && power.im === 0 && from !== 1 && z.modulus(exponent) !== 0;
  if (given && (isOne || size !== 1)) throw new NoValue('a power that is out of range');
  return power;
}

/**
 * Evaluates an expression, exactly as long as rational arithmetic suffices.
 * @throws NoValue if it has no finite value
 */
export function evaluate(node: Node, scope: Scope): Value {
  if (--scope.budget.steps < 0) throw new NoValue('the expression is too much work');
  const value = (inner: Node): Value => evaluate(inner, scope);
  switch (node.kind) {
    case 'number':
      return fromRational(node.value);
    case 'symbol': {
      const bound = scope.symbols.get(node.name);
      if (bound) return bound;
      const constant = CONSTANTS.get(node.name);
      if (constant) return fromComplex(constant);
      throw new NoValue('a symbol without a value');
    }
    case 'add':
      return finite(node.items.map(value).reduce(sum));
    case 'multiply':
      return finite(node.items.map(value).reduce(product));
    case 'divide':
      return quotient(value(node.left), value(node.right));
    case 'power':
      if (node.left.kind === 'symbol' && node.left.name === 'e' && !scope.symbols.has('e'))
        return finite(fromComplex(exponential(value(node.right).z)));
      return raise(value(node.left), value(node.right), scope);
    case 'negate':
      return opposite(value(node.item));
    case 'percent':
      return product(value(node.item), fromRational({ n: 1n, d: 100n }));
    case 'degrees':
      return fromNumber((value(node.item).z.re * Math.PI) / 180);
    case 'unit': {
      const scale = scaleOf(node.unit.trim().split(/\s+/)[0] ?? '');
      return scale ? product(value(node.item), fromRational({ n: scale, d: 1n })) : value(node.item);
    }
    case 'based':
      return fromRational(basedValue(node.digits, node.base));
    case 'ratio':
      return node.items.map(value).reduce(quotient);
    case 'call':
      if (node.name === 'determinant') return determinant(node.items[0], value);
      return node.known
        ? callFunction(node.name, node.items.map(value), scope)
        : unknownFunction(node.name, node.items.map(value));
    case 'bind':
      return bind(node, scope);
    default:
      throw new NoValue('a structure in place of a number');
  }
}

/** @throws NoValue if floating point loses it */
const exponential = (power: z.Complex): z.Complex => inRange(z.exp(power), z.complex(Math.E), power);

function basedValue(digits: string, base: number): Rational {
  if (base < 2 || base > 36 || [...digits].some((digit) => Number(digit) >= base))
    throw new NoValue('a digit that its base does not have');
  let total = 0n;
  for (const digit of digits) total = total * BigInt(base) + BigInt(digit);
  return { n: total, d: 1n };
}

function determinant(matrix: Node | undefined, value: (node: Node) => Value): Value {
  if (matrix?.kind !== 'matrix' || matrix.rows.length > 6) throw new NoValue('not a determinant');
  const minor = (rows: readonly (readonly Value[])[]): Value => {
    const [first, ...rest] = rows;
    if (!first || rows.some((row) => row.length !== rows.length)) throw new NoValue('not a square matrix');
    if (rest.length === 0) return first[0] ?? fromNumber(0);
    return first
      .map((entry, j) => {
        const term = product(entry, minor(rest.map((row) => row.filter((_, k) => k !== j))));
        return j % 2 === 0 ? term : opposite(term);
      })
      .reduce(sum);
  };
  return minor(matrix.rows.map((row) => row.map(value)));
}

/** A smooth function derived from its name: equal arguments give equal values, others almost surely do not. */
function unknownFunction(name: string, values: readonly Value[]): Value {
  let hash = 2166136261;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  let total = z.complex(0.5 + ((hash >>> 8) % 997) / 997);
  values.forEach(({ z: at }, index) => {
    const frequency = 0.4 + ((hash >>> (index + 3)) % 101) / 90;
    total = z.plus(
      z.times(total, z.complex(1.37)),
      z.sin(z.plus(z.times(at, z.complex(frequency)), z.complex(index + 1))),
    );
  });
  return finite(fromComplex(total));
}

/** Nodes and weights of 8-point Gauss-Legendre quadrature on [-1, 1], for the positive nodes. */
const GAUSS = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
] as const;

/** A definite integral by composite quadrature, accepted if two resolutions agree. */
function integral(node: Extract<Node, { kind: 'bind' }>, scope: Scope): Value {
  const [a, b] = [evaluate(node.from, scope).z.re, evaluate(node.to, scope).z.re];
  if (!Number.isFinite(a) || !Number.isFinite(b)) throw new NoValue('an integral without finite bounds');
  const at = (x: number): z.Complex =>
    evaluate(node.body, { ...scope, symbols: new Map(scope.symbols).set(node.variable, fromNumber(x)) }).z;
  const quadrature = (pieces: number): z.Complex => {
    const half = (b - a) / pieces / 2;
    let total = z.complex(0);
    for (let piece = 0; piece < pieces; piece++)
      for (const [point, weight] of GAUSS)
        for (const side of [-1, 1])
          total = z.plus(total, z.times(at(a + half * (2 * piece + 1 + side * point)), z.complex(weight * half)));
    return total;
  };
  const [coarse, fine] = [quadrature(8), quadrature(13)];
  if (!(z.modulus(z.minus(coarse, fine)) <= 1e-12 * (1 + z.modulus(fine))))
    throw new NoValue('an integral that is not worked out');
  return finite(fromComplex(fine));
}

function bind(node: Extract<Node, { kind: 'bind' }>, scope: Scope): Value {
  if (node.operation === 'integral') return integral(node, scope);
  const [from, to] = [evaluate(node.from, scope).exact, evaluate(node.to, scope).exact];
  if (!from || !to || from.d !== 1n || to.d !== 1n) throw new NoValue('a sum whose bounds are not integers');
  if (to.n - from.n > 10_000n) throw new NoValue('the expression is too much work');
  let total: Value = fromRational(rational(node.operation === 'sum' ? 0n : 1n) ?? { n: 0n, d: 1n });
  for (let k = from.n; k <= to.n; k++) {
    const symbols = new Map(scope.symbols).set(node.variable, fromRational({ n: k, d: 1n }));
    const term = evaluate(node.body, { ...scope, symbols });
    total = node.operation === 'sum' ? sum(total, term) : product(total, term);
  }
  return finite(total);
}
