/** A floating-point complex number. Functions take their principal branch. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

export const complex = (re: number, im = 0): Complex => ({ re, im });
export const plus = (a: Complex, b: Complex) => complex(a.re + b.re, a.im + b.im);
export const minus = (a: Complex, b: Complex) => complex(a.re - b.re, a.im - b.im);
export const times = (a: Complex, b: Complex) =>
  a.im === 0 && b.im === 0 ? complex(a.re * b.re) : complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
export function over(a: Complex, b: Complex): Complex {
  if (b.im === 0) return complex(a.re / b.re, a.im / b.re);
  const size = b.re * b.re + b.im * b.im;
  return complex((a.re * b.re + a.im * b.im) / size, (a.im * b.re - a.re * b.im) / size);
}
export const modulus = (a: Complex): number => Math.hypot(a.re, a.im);
export const exp = (a: Complex): Complex =>
  a.im === 0 ? complex(Math.exp(a.re)) : complex(Math.exp(a.re) * Math.cos(a.im), Math.exp(a.re) * Math.sin(a.im));
export const log = (a: Complex): Complex =>
  complex(Math.log(modulus(a)), a.im === 0 && a.re >= 0 ? 0 : Math.atan2(a.im, a.re));
export function sqrt(a: Complex): Complex {
  if (a.im === 0) return a.re >= 0 ? complex(Math.sqrt(a.re)) : complex(0, Math.sqrt(-a.re));
  return exp(times(complex(0.5), log(a)));
}
export function pow(a: Complex, b: Complex): Complex {
  if (a.im === 0 && b.im === 0 && (a.re >= 0 || Number.isInteger(b.re))) return complex(a.re ** b.re);
  if (modulus(a) === 0) return complex(b.re > 0 ? 0 : Number.NaN);
  return exp(times(b, log(a)));
}
const I = complex(0, 1);
export const sin = (a: Complex): Complex =>
  a.im === 0 ? complex(Math.sin(a.re)) : complex(Math.sin(a.re) * Math.cosh(a.im), Math.cos(a.re) * Math.sinh(a.im));
export const cos = (a: Complex): Complex =>
  a.im === 0 ? complex(Math.cos(a.re)) : complex(Math.cos(a.re) * Math.cosh(a.im), -Math.sin(a.re) * Math.sinh(a.im));
export function arcsin(a: Complex): Complex {
  if (a.im === 0 && Math.abs(a.re) <= 1) return complex(Math.asin(a.re));
  const inner = plus(times(I, a), sqrt(minus(complex(1), times(a, a))));
  return times(complex(0, -1), log(inner));
}
export function arctan(a: Complex): Complex {
  if (a.im === 0) return complex(Math.atan(a.re));
  const half = times(I, complex(0.5));
  return times(half, minus(log(minus(complex(1), times(I, a))), log(plus(complex(1), times(I, a)))));
}
