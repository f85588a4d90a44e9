import { ParseFailure } from '../parse/ast.js';
import * as z from './complex.js';
import { divide, multiply, negate, type Rational, root, toNumber } from './rational.js';

interface Number {
  readonly exact: Rational | undefined;
  readonly z: z.Complex;
}

interface Flags {
  left: { real: boolean };
}

const exactly = (exact: Rational): Number => ({ exact, z: z.complex(toNumber(exact)) });
const roughly = (value: z.Complex): Number => {
  if (globalThis.Number.isNaN(value.re) || globalThis.Number.isNaN(value.im))
    throw new ParseFailure('a value is not defined');
  return { exact: undefined, z: value };
};
const isInteger = (value: Number | undefined): value is Number & { exact: Rational } => value?.exact?.d === 1n;

const INVERSE: Readonly<Record<string, (a: z.Complex) => z.Complex>> = {
  exp: z.exp,
  sin: z.sin,
  cos: z.cos,
  tan: (a) => z.over(z.sin(a), z.cos(a)),
  cot: (a) => z.over(z.cos(a), z.sin(a)),
  sec: (a) => z.over(z.complex(1), z.cos(a)),
  csc: (a) => z.over(z.complex(1), z.sin(a)),
  arcsin: z.arcsin,
  arccos: (a) => z.minus(z.complex(Math.PI / 2), z.arcsin(a)),
  arctan: z.arctan,
  arccot: (a) => z.minus(z.complex(Math.PI / 2), z.arctan(a)),
  arcsec: (a) => z.minus(z.complex(Math.PI / 2), z.arcsin(z.over(z.complex(1), a))),
  arccsc: (a) => z.arcsin(z.over(z.complex(1), a)),
  cis: (a) => z.exp(z.times(z.complex(0, 1), a)),
  sinh: (a) => z.times(z.complex(0.5), z.minus(z.exp(a), z.exp(z.complex(-a.re, -a.im)))),
  cosh: (a) => z.times(z.complex(0.5), z.plus(z.exp(a), z.exp(z.complex(-a.re, -a.im)))),
  tanh: (a) => {
    const [up, down] = [z.exp(a), z.exp(z.complex(-a.re, -a.im))];
    return z.over(z.minus(up, down), z.plus(up, down));
  },
  coth: (a) => z.over(z.complex(1), hyperbolic('tanh', a)),
  sech: (a) => z.over(z.complex(1), hyperbolic('cosh', a)),
  csch: (a) => z.over(z.complex(1), hyperbolic('sinh', a)),
  arsinh: (a) => z.log(z.plus(a, z.sqrt(z.plus(z.times(a, a), z.complex(1))))),
  arcosh: (a) => z.log(z.plus(a, z.times(z.sqrt(z.plus(a, z.complex(1))), z.sqrt(z.minus(a, z.complex(1)))))),
  artanh: (a) => z.times(z.complex(0.5), z.log(z.over(z.plus(z.complex(1), a), z.minus(z.complex(1), a)))),
};

const hyperbolic = (name: string, a: z.Complex): z.Complex => INVERSE[name]?.(a) ?? z.complex(Number.NaN);

function logarithm(value: Number, flags: Flags): z.Complex {
  if (z.modulus(value.z) === 0) throw new ParseFailure('the logarithm of zero');
  if (value.z.im === 0 && value.z.re < 0) flags.left.real = true;
  return z.log(value.z);
}

/** log_b x as an exact fraction, where both are powers of one small integer. */
function exactLogarithm(x: Rational, base: Rational): Rational | undefined {
  const estimate = Math.log(toNumber(x)) / Math.log(toNumber(base));
  for (let d = 1n; d <= 12n; d++) {
    const n = BigInt(Math.round(estimate * globalThis.Number(d)) || 0);
    if (Math.abs(estimate * globalThis.Number(d) - globalThis.Number(n)) > 1e-9 || n > 2000n || n < -2000n) continue;
    const [left, right] = [x.n ** d, n < 0n ? base.d ** -n : base.n ** n];
    const [leftBelow, rightBelow] = [x.d ** d, n < 0n ? base.n ** -n : base.d ** n];
    if (left * rightBelow === right * leftBelow) return { n, d };
  }
  return undefined;
}

function factorial(value: Number | undefined, step: bigint): Number {
  if (!isInteger(value) || value.exact.n < 0n || value.exact.n > 500n)
    throw new ParseFailure('a factorial that is not worked out');
  let total = 1n;
  for (let k = value.exact.n; k > 1n; k -= step) total *= k;
  return exactly({ n: total, d: 1n });
}

function binomial(n: Number | undefined, k: Number | undefined): Number {
  if (!isInteger(n) || !isInteger(k) || n.exact.n < 0n || n.exact.n > 5000n)
    throw new ParseFailure('a binomial that is not worked out');
  const below = k.exact.n > n.exact.n / 2n ? n.exact.n - k.exact.n : k.exact.n;
  if (below < 0n) return exactly({ n: 0n, d: 1n });
  if (below > 500n) throw new ParseFailure('a binomial that is not worked out');
  let total = 1n;
  for (let j = 1n; j <= below; j++) total = (total * (n.exact.n - below + j)) / j;
  return exactly({ n: total, d: 1n });
}

const greatest = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : greatest(b, a % b));

function integers(values: readonly Number[]): readonly bigint[] {
  return values.map((value) => {
    if (!isInteger(value)) throw new ParseFailure('a divisor of what is not an integer');
    return value.exact.n;
  });
}

/** @throws ParseFailure where the function has no value there, or is not known. */
export function callFunction(name: string, values: readonly Number[], flags: Flags): Number {
  const [first, second] = values;
  if (!first) throw new ParseFailure('a function without an argument');
  switch (name) {
    case 'sqrt':
    case 'cbrt':
    case 'root': {
      if (name === 'root' && second && !isInteger(second) && z.modulus(second.z) > 0) {
        if (first.z.im !== 0 || first.z.re < 0) flags.left.real = true;
        return roughly(z.pow(first.z, z.over(z.complex(1), second.z)));
      }
      const index = name === 'sqrt' ? 2n : name === 'cbrt' ? 3n : isInteger(second) ? second.exact.n : 0n;
      if (index < 1n) throw new ParseFailure('a root whose index is not a positive integer');
      const exact = first.exact && root(first.exact, index);
      if (exact) return exactly(exact);
      if (index === 2n || first.z.im !== 0 || first.z.re >= 0 || index % 2n === 0n) {
        if (first.z.im === 0 && first.z.re < 0) flags.left.real = true;
        return roughly(index === 2n ? z.sqrt(first.z) : z.pow(first.z, z.complex(1 / globalThis.Number(index))));
      }
      return roughly(z.complex(-((-first.z.re) ** (1 / globalThis.Number(index)))));
    }
    case 'abs':
      return first.exact
        ? exactly(first.exact.n < 0n ? negate(first.exact) : first.exact)
        : roughly(z.complex(z.modulus(first.z)));
    case 'sgn':
      return exactly({ n: first.z.re > 0 ? 1n : first.z.re < 0 ? -1n : 0n, d: 1n });
    case 'floor':
    case 'ceil': {
      if (first.z.im !== 0) throw new ParseFailure('a complex number is not rounded');
      if (!first.exact)
        return exactly({ n: BigInt(name === 'floor' ? Math.floor(first.z.re) : Math.ceil(first.z.re)), d: 1n });
      const { n, d } = first.exact;
      const floor = n >= 0n ? n / d : -((-n + d - 1n) / d);
      return exactly({ n: name === 'floor' || n % d === 0n ? floor : floor + 1n, d: 1n });
    }
    case 'factorial':
      return factorial(first, 1n);
    case 'doubleFactorial':
      return factorial(first, 2n);
    case 'binomial':
      return binomial(first, second);
    case 'realPart':
      return first.exact ? first : roughly(z.complex(first.z.re));
    case 'imaginaryPart':
      return first.exact ? exactly({ n: 0n, d: 1n }) : roughly(z.complex(first.z.im));
    case 'conjugate':
      return first.exact ? first : roughly(z.complex(first.z.re, -first.z.im));
    case 'modulo': {
      const [a = 0n, b = 0n] = integers(values);
      if (b <= 0n) throw new ParseFailure('a modulus that is not positive');
      return exactly({ n: ((a % b) + b) % b, d: 1n });
    }
    case 'gcd':
      return exactly({ n: integers(values).reduce(greatest), d: 1n });
    case 'lcm':
      return exactly({
        n: integers(values).reduce((a, b) => (a === 0n || b === 0n ? 0n : (a / greatest(a, b)) * b)),
        d: 1n,
      });
    case 'max':
    case 'min': {
      const sign = name === 'max' ? 1 : -1;
      return values.reduce((best, value) => (sign * (value.z.re - best.z.re) > 0 ? value : best));
    }
    case 'ln':
    case 'log':
      return first.exact?.n === first.exact?.d && first.exact
        ? exactly({ n: 0n, d: 1n })
        : roughly(logarithm(first, flags));
    case 'lg':
    case 'logBase': {
      const base = name === 'lg' ? exactly({ n: 10n, d: 1n }) : second;
      if (!base || (base.z.re === 1 && base.z.im === 0)) throw new ParseFailure('a logarithm without a base');
      if (first.exact && base.exact && first.exact.n > 0n && base.exact.n > 0n) {
        const exact = exactLogarithm(first.exact, base.exact);
        if (exact) return exactly(divide(exact, { n: 1n, d: 1n }) ?? exact);
      }
      return roughly(z.over(logarithm(first, flags), logarithm(base, flags)));
    }
    default: {
      const apply = INVERSE[name];
      if (!apply) throw new ParseFailure('an unknown function');
      if (/^(?:arc(?:sin|cos)|artanh)$/.test(name) && first.z.im === 0 && Math.abs(first.z.re) > 1)
        flags.left.real = true;
      if (first.exact?.n === 0n && /^(?:sin|tan|arcsin|arctan|sinh|tanh)$/.test(name)) return first;
      if (first.exact?.n === 0n && /^(?:exp|cos|cosh|sec)$/.test(name))
        return exactly(multiply({ n: 1n, d: 1n }, { n: 1n, d: 1n }) ?? first.exact);
      return roughly(apply(first.z));
    }
  }
}
