import { ParseFailure } from '../parse/ast.js';
import * as z from './complex.js';
import { divide, negate, type Rational, root, toNumber } from './rational.js';

/** See `Value` and `Scope` in evaluate.ts, which imports this file. */
interface Value {
  readonly exact: Rational | undefined;
  readonly z: z.Complex;
}

interface Flags {
  left: { real: boolean };
}

const exactly = (exact: Rational): Value => ({ exact, z: z.complex(toNumber(exact)) });
const integer = (n: bigint): Value => exactly({ n, d: 1n });
const roughly = (value: z.Complex): Value => {
  if (Number.isNaN(value.re) || Number.isNaN(value.im)) throw new ParseFailure('a value is not defined');
  return { exact: undefined, z: value };
};
const isInteger = (value: Value | undefined): value is Value & { exact: Rational } => value?.exact?.d === 1n;

const I = z.complex(0, 1);
const ONE = z.complex(1);
const HALF = z.complex(0.5);
const RIGHT_ANGLE = z.complex(Math.PI / 2);
const opposite = (a: z.Complex): z.Complex => z.complex(-a.re, -a.im);
const sinh = (a: z.Complex): z.Complex => z.times(HALF, z.minus(z.exp(a), z.exp(opposite(a))));
const cosh = (a: z.Complex): z.Complex => z.times(HALF, z.plus(z.exp(a), z.exp(opposite(a))));
const tanh = (a: z.Complex): z.Complex => {
  const [up, down] = [z.exp(a), z.exp(opposite(a))];
  return z.over(z.minus(up, down), z.plus(up, down));
};

const ELEMENTARY: ReadonlyMap<string, (a: z.Complex) => z.Complex> = new Map(
  Object.entries({
    exp: z.exp,
    sin: z.sin,
    cos: z.cos,
    tan: (a) => z.over(z.sin(a), z.cos(a)),
    cot: (a) => z.over(z.cos(a), z.sin(a)),
    sec: (a) => z.over(ONE, z.cos(a)),
    csc: (a) => z.over(ONE, z.sin(a)),
    arcsin: z.arcsin,
    arccos: (a) => z.minus(RIGHT_ANGLE, z.arcsin(a)),
    arctan: z.arctan,
    arccot: (a) => z.minus(RIGHT_ANGLE, z.arctan(a)),
    arcsec: (a) => z.minus(RIGHT_ANGLE, z.arcsin(z.over(ONE, a))),
    arccsc: (a) => z.arcsin(z.over(ONE, a)),
    cis: (a) => z.exp(z.times(I, a)),
    sinh,
    cosh,
    tanh,
    coth: (a) => z.over(ONE, tanh(a)),
    sech: (a) => z.over(ONE, cosh(a)),
    csch: (a) => z.over(ONE, sinh(a)),
    arsinh: (a) => z.log(z.plus(a, z.sqrt(z.plus(z.times(a, a), ONE)))),
    arcosh: (a) => z.log(z.plus(a, z.times(z.sqrt(z.plus(a, ONE)), z.sqrt(z.minus(a, ONE))))),
    artanh: (a) => z.times(HALF, z.log(z.over(z.plus(ONE, a), z.minus(ONE, a)))),
  } satisfies Record<string, (a: z.Complex) => z.Complex>),
);

function logarithm(value: Value, flags: Flags): z.Complex {
  if (z.modulus(value.z) === 0) throw new ParseFailure('the logarithm of zero');
  if (value.z.im === 0 && value.z.re < 0) flags.left.real = true;
  return z.log(value.z);
}

/** log_b x as an exact fraction, if both are powers of one small integer. */
function exactLogarithm(x: Rational, base: Rational): Rational | undefined {
  const estimate = Math.log(toNumber(x)) / Math.log(toNumber(base));
  for (let d = 1n; d <= 12n; d++) {
    const n = BigInt(Math.round(estimate * Number(d)) || 0);
    if (Math.abs(estimate * Number(d) - Number(n)) > 1e-9 || n > 2000n || n < -2000n) continue;
    const [left, right] = [x.n ** d, n < 0n ? base.d ** -n : base.n ** n];
    const [leftBelow, rightBelow] = [x.d ** d, n < 0n ? base.n ** -n : base.d ** n];
    if (left * rightBelow === right * leftBelow) return { n, d };
  }
  return undefined;
}

function factorial(value: Value | undefined, step: bigint): Value {
  if (!isInteger(value) || value.exact.n < 0n || value.exact.n > 500n)
    throw new ParseFailure('a factorial that is not worked out');
  let total = 1n;
  for (let k = value.exact.n; k > 1n; k -= step) total *= k;
  return integer(total);
}

function binomial(n: Value | undefined, k: Value | undefined): Value {
  if (!isInteger(n) || !isInteger(k) || n.exact.n < 0n || n.exact.n > 5000n)
    throw new ParseFailure('a binomial that is not worked out');
  const below = k.exact.n > n.exact.n / 2n ? n.exact.n - k.exact.n : k.exact.n;
  if (below < 0n) return integer(0n);
  if (below > 500n) throw new ParseFailure('a binomial that is not worked out');
  let total = 1n;
  for (let j = 1n; j <= below; j++) total = (total * (n.exact.n - below + j)) / j;
  return integer(total);
}

const greatest = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : greatest(b, a % b));

function integers(values: readonly Value[]): readonly bigint[] {
  return values.map((value) => {
    if (!isInteger(value)) throw new ParseFailure('a divisor of a number that is not an integer');
    return value.exact.n;
  });
}

/** An odd root of a negative number is real; otherwise the principal root. */
function rootOf(a: Value, index: bigint, flags: Flags): Value {
  if (index < 1n) throw new ParseFailure('a root whose index is not a positive integer');
  const exact = a.exact && root(a.exact, index);
  if (exact) return exactly(exact);
  const isNegative = a.z.im === 0 && a.z.re < 0;
  const power = 1 / Number(index);
  if (isNegative && index % 2n === 1n) return roughly(z.complex(-((-a.z.re) ** power)));
  if (isNegative) flags.left.real = true;
  return roughly(index === 2n ? z.sqrt(a.z) : z.pow(a.z, z.complex(power)));
}

function anyRoot(a: Value, index: Value | undefined, flags: Flags): Value {
  if (isInteger(index)) return rootOf(a, index.exact.n, flags);
  if (!index || z.modulus(index.z) === 0) throw new ParseFailure('a root whose index is not a positive integer');
  if (a.z.im !== 0 || a.z.re < 0) flags.left.real = true;
  return roughly(z.pow(a.z, z.over(ONE, index.z)));
}

function round(a: Value, up: boolean): Value {
  if (a.z.im !== 0) throw new ParseFailure('a complex number is not rounded');
  if (!a.exact) return integer(BigInt(up ? Math.ceil(a.z.re) : Math.floor(a.z.re)));
  const { n, d } = a.exact;
  const floor = n >= 0n ? n / d : -((-n + d - 1n) / d);
  return integer(up && n % d !== 0n ? floor + 1n : floor);
}

function modulo(values: readonly Value[]): Value {
  const [a, b] = integers(values);
  if (a === undefined || b === undefined || b <= 0n) throw new ParseFailure('a modulus that is not positive');
  return integer(((a % b) + b) % b);
}

function logarithmTo(base: Value | undefined, a: Value, flags: Flags): Value {
  if (!base || (base.z.re === 1 && base.z.im === 0)) throw new ParseFailure('a logarithm without a base');
  if (a.exact && base.exact && a.exact.n > 0n && base.exact.n > 0n) {
    const exact = exactLogarithm(a.exact, base.exact);
    if (exact) return exactly(divide(exact, { n: 1n, d: 1n }) ?? exact);
  }
  return roughly(z.over(logarithm(a, flags), logarithm(base, flags)));
}

const naturalLogarithm = (a: Value, flags: Flags): Value =>
  a.exact && a.exact.n === a.exact.d ? integer(0n) : roughly(logarithm(a, flags));

const extreme = (values: readonly Value[], sign: 1 | -1): Value =>
  values.reduce((best, value) => (sign * (value.z.re - best.z.re) > 0 ? value : best));

/** Beyond it a floating-point angle has too few digits. */
const LARGEST_ANGLE = 1e4;
const PERIODIC = /^(?:sin|cos|tan|cot|sec|csc|cis)$/;

function elementary(name: string, a: Value, flags: Flags): Value {
  const apply = ELEMENTARY.get(name);
  if (!apply) throw new ParseFailure('an unknown function');
  if (/^(?:arc(?:sin|cos)|artanh)$/.test(name) && a.z.im === 0 && Math.abs(a.z.re) > 1) flags.left.real = true;
  if (PERIODIC.test(name) && z.modulus(a.z) > LARGEST_ANGLE) throw new ParseFailure('an angle that is too large');
  if (a.exact?.n === 0n && /^(?:sin|tan|arcsin|arctan|sinh|tanh)$/.test(name)) return a;
  if (a.exact?.n === 0n && /^(?:exp|cos|cosh|sec)$/.test(name)) return integer(1n);
  return roughly(apply(a.z));
}

/** @throws ParseFailure if the function is unknown or has no value there */
export function callFunction(name: string, values: readonly Value[], flags: Flags): Value {
  const [first, second] = values;
  if (!first) throw new ParseFailure('a function without an argument');
  switch (name) {
    case 'sqrt':
      return rootOf(first, 2n, flags);
    case 'cbrt':
      return rootOf(first, 3n, flags);
    case 'root':
      return anyRoot(first, second, flags);
    case 'abs':
      if (!first.exact) return roughly(z.complex(z.modulus(first.z)));
      return exactly(first.exact.n < 0n ? negate(first.exact) : first.exact);
    case 'sgn':
      return integer(first.z.re > 0 ? 1n : first.z.re < 0 ? -1n : 0n);
    case 'floor':
    case 'ceil':
      return round(first, name === 'ceil');
    case 'factorial':
      return factorial(first, 1n);
    case 'doubleFactorial':
      return factorial(first, 2n);
    case 'binomial':
      return binomial(first, second);
    case 'realPart':
      return first.exact ? first : roughly(z.complex(first.z.re));
    case 'imaginaryPart':
      return first.exact ? integer(0n) : roughly(z.complex(first.z.im));
    case 'conjugate':
      return first.exact ? first : roughly(z.complex(first.z.re, -first.z.im));
    case 'modulo':
      return modulo(values);
    case 'gcd':
      return integer(integers(values).reduce(greatest));
    case 'lcm':
      return integer(integers(values).reduce((a, b) => (a === 0n || b === 0n ? 0n : (a / greatest(a, b)) * b)));
    case 'max':
      return extreme(values, 1);
    case 'min':
      return extreme(values, -1);
    case 'ln':
    case 'log':
      return naturalLogarithm(first, flags);
    case 'lg':
      return logarithmTo(integer(10n), first, flags);
    case 'logBase':
      return logarithmTo(second, first, flags);
    default:
      return elementary(name, first, flags);
  }
}
