import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareMath } from '../../../src/verifiers/math/judge-math.js';

const integer = fc.integer({ min: -9999, max: 9999 });
const small = fc.integer({ min: 2, max: 40 });
const offset = fc.integer({ min: 1, max: 50 }).chain((d) => fc.constantFrom(d, -d));
const square = (n: number): boolean => Number.isInteger(Math.sqrt(n));

/** By type: a reference and a similar but wrong answer. */
const WRONG: Readonly<Record<string, fc.Arbitrary<readonly [string, string]>>> = {
  integer: fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `${a + d}`]),
  sign: fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}`, `-${a}`]),
  decimal: fc
    .tuple(integer, fc.integer({ min: 1, max: 999 }))
    .map(([a, d]) => [`${a}`, `${a}.${String(d).padStart(3, '0')}`]),
  rounding: small
    .filter((d) => ![2, 4, 5, 8, 10, 16, 20, 25, 32, 40].includes(d))
    .map((d) => [`\\frac{1}{${d}}`, (1 / d).toFixed(3)]),
  digits: fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.nat(9)).map(([a, d]) => [`${a}${d}`, `${a} ${d}`]),
  fraction: fc
    .tuple(integer, fc.integer({ min: 2, max: 99 }), offset)
    .map(([a, b, d]) => [`\\frac{${a}}{${b}}`, `\\frac{${a + d}}{${b}}`]),
  reciprocal: fc
    .tuple(small, small)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [`\\frac{${a}}{${b}}`, `\\frac{${b}}{${a}}`]),
  'mixed number': fc.tuple(small, small).map(([a, b]) => [`${a}\\frac{1}{${b}}`, `\\frac{${a}}{${b}}`]),
  percent: fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\%`, `${a * 10}\\%`]),
  'scientific notation': fc
    .tuple(fc.integer({ min: 11, max: 99 }), fc.integer({ min: -12, max: 12 }))
    .map(([a, e]) => [`${a / 10}\\times10^{${e}}`, `${a / 10}\\times10^{${e + 1}}`]),
  unit: fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\text{ cm}`, `${a}\\text{ m}`]),
  'compound unit': fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\text{ km/h}`, `${a}\\text{ m/s}`]),
  dimension: fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\text{ cm}^2`, `${a}\\text{ cm}^3`]),
  angle: fc.integer({ min: 1, max: 359 }).map((a) => [`${a}^\\circ`, `${a + 1}^\\circ`]),
  base: fc
    .tuple(fc.integer({ min: 8, max: 511 }), fc.constantFrom(2, 3, 5, 7))
    .map(([a, b]) => [`${a.toString(b)}_${b}`, `${(a + 1).toString(b)}_${b}`]),
  root: fc.tuple(integer, offset).map(([a, d]) => [`\\sqrt{${Math.abs(a) + 60}}`, `\\sqrt{${Math.abs(a) + 60 + d}}`]),
  'multiple of a root': fc
    .tuple(small, small)
    .filter(([a, b]) => a !== b && !square(a) && !square(b))
    .map(([a, b]) => [`${a}\\sqrt{${b}}`, `${b}\\sqrt{${a}}`]),
  'sum of roots': fc.tuple(small, small).map(([a, b]) => [`\\sqrt{${a}}+\\sqrt{${b}}`, `\\sqrt{${a + b}}`]),
  power: fc.tuple(small, fc.integer({ min: 2, max: 60 })).map(([a, e]) => [`${a}^{${e}}`, `${a}^{${e + 1}}`]),
  'long integer': fc.bigInt({ min: 10n ** 30n, max: 10n ** 40n }).map((a) => [`${a}`, `${a + 1n}`]),
  logarithm: fc
    .tuple(small, small)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [`\\log_{${a}} ${b}`, `\\log_{${b}} ${a}`]),
  trigonometry: small.map((a) => [`\\sin ${a}x`, `${a}\\sin x`]),
  complex: fc.tuple(integer, offset).map(([a, d]) => [`${a}+${Math.abs(d)}i`, `${a}-${Math.abs(d)}i`]),
  pi: fc.integer({ min: 1, max: 99 }).map((a) => [`${a}\\pi`, `${(a * 3.14).toFixed(2)}`]),
  'linear expression': fc
    .tuple(integer, integer, offset)
    .map(([a, b, d]) => [`${a}x+${Math.abs(b)}`, `${a}x+${Math.abs(b) + Math.abs(d)}`]),
  polynomial: fc.tuple(small, offset).map(([a, d]) => [`x^2+${2 * a}x+${a * a}`, `(x+${a})^2+${Math.abs(d)}`]),
  factors: fc
    .tuple(small, small)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [`(x+${a})(x-${b})`, `(x-${a})(x+${b})`]),
  'rational function': small.map((a) => [`\\frac{1}{x+${a}}`, `\\frac{1}{x}+\\frac{1}{${a}}`]),
  'name of a variable': small.map((a) => [`${a}x+1`, `${a}y+1`]),
  index: small.map((a) => [`a_{${a}}`, `a_{${a + 1}}`]),
  sum: small.map((a) => [`\\sum_{k=1}^{n} k^{${a % 4}}`, `\\sum_{k=1}^{n+1} k^{${a % 4}}`]),
  integral: small.map((a) => [`\\int_0^1 x^{${a}} dx`, `\\frac{1}{${a}}`]),
  factorial: fc.integer({ min: 3, max: 60 }).map((a) => [`${a}!`, `${a - 1}!`]),
  binomial: fc.integer({ min: 5, max: 60 }).map((a) => [`\\binom{${a}}{2}`, `\\frac{${a}}{2}`]),
  equation: fc.tuple(small, offset).map(([a, d]) => [`y=${a}x+1`, `y=${a}x+${1 + d}`]),
  circle: small.map((a) => [`x^2+y^2=${a}`, `x^2+y^2=${a * a}`]),
  assignment: fc.tuple(integer, offset).map(([a, d]) => [`x=${a}`, `x=${a + d}`]),
  'equation, not its side': small.map((a) => [`x+y=${a}`, `${a}`]),
  bound: fc.tuple(integer, offset).map(([a, d]) => [`x > ${a}`, `x > ${a + d}`]),
  strictness: integer.map((a) => [`x > ${a}`, `x \\ge ${a}`]),
  direction: integer.map((a) => [`x > ${a}`, `x < ${a}`]),
  'two inequalities': fc
    .tuple(integer, small)
    .map(([a, d]) => [`x < ${a} \\text{ or } x > ${a + d}`, `${a} < x < ${a + d}`]),
  'open or closed': fc
    .tuple(integer, offset)
    .map(([a, d]) => [`(${a},${a + Math.abs(d)})`, `(${a},${a + Math.abs(d)}]`]),
  'closed or open': fc
    .tuple(integer, offset)
    .map(([a, d]) => [`[${a},${a + Math.abs(d)}]`, `(${a},${a + Math.abs(d)}]`]),
  union: fc
    .tuple(integer, small)
    .map(([a, d]) => [`(-\\infty,${a})\\cup(${a + d},\\infty)`, `(-\\infty,${a}]\\cup(${a + d},\\infty)`]),
  'interval or points': fc.tuple(integer, small).map(([a, d]) => [`[${a},${a + d}]`, `\\{${a},${a + d}\\}`]),
  'order of a tuple': fc.tuple(integer, offset).map(([a, d]) => [`(${a},${a + d},${a})`, `(${a + d},${a},${a})`]),
  'pairs of a list': fc
    .tuple(integer, small)
    .map(([a, d]) => [`(${a},${a + d}),(${a + 2 * d},${a})`, `(${a + d},${a}),(${a},${a + 2 * d})`]),
  'part of a set': fc.tuple(integer, offset).map(([a, d]) => [`\\{${a},${a + d}\\}`, `\\{${a}\\}`]),
  'part of a list': fc.tuple(integer, offset).map(([a, d]) => [`${a}, ${a + d}`, `${a}`]),
  'one of two signs': fc.integer({ min: 1, max: 9999 }).map((a) => [`\\pm ${a}`, `${a}`]),
  matrix: fc
    .tuple(integer, offset)
    .map(([a, d]) => [
      `\\begin{pmatrix}1&${a}\\\\0&1\\end{pmatrix}`,
      `\\begin{pmatrix}1&${a + d}\\\\0&1\\end{pmatrix}`,
    ]),
  transpose: fc
    .tuple(integer, offset)
    .map(([a, d]) => [
      `\\begin{pmatrix}1&${a}\\\\${a + d}&1\\end{pmatrix}`,
      `\\begin{pmatrix}1&${a + d}\\\\${a}&1\\end{pmatrix}`,
    ]),
  'row or column': fc
    .tuple(integer, integer)
    .map(([a, b]) => [`\\begin{pmatrix}${a}&${b}\\end{pmatrix}`, `\\begin{pmatrix}${a}\\\\${b}\\end{pmatrix}`]),
  ratio: fc
    .tuple(small, small)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [`${a}:${b}`, `${b}:${a}`]),
  residue: fc
    .tuple(fc.nat(40), small)
    .map(([a, m]) => [`x \\equiv ${a} \\pmod{${m}}`, `x \\equiv ${a + 1} \\pmod{${m}}`]),
  time: fc.integer({ min: 10, max: 58 }).map((m) => [`3:${m}`, `3:${m + 1}`]),
  choice: fc.constantFrom('A', 'B', 'C').map((letter) => [`\\text{(${letter})}`, `\\text{(D)}`]),
  word: fc.constantFrom('even', 'yes', 'Monday').map((word) => [`\\text{${word}}`, `\\text{not ${word}}`]),
  hedge: fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `${a} or ${a + d}`]),
  'two boxes': fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `\\boxed{${a + d}} or \\boxed{${a}}`]),
};

const RUNS = 4000;

test(`never accepts a wrong answer (${RUNS} of each type)`, () => {
  const seen = new Map<string, number>();
  const wrong = fc.oneof(
    ...Object.entries(WRONG).map(([name, pair]) => pair.map(([gold, answer]) => ({ name, gold, answer }))),
  );
  fc.assert(
    fc.property(wrong, fc.boolean(), ({ name, gold, answer }, prose) => {
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const said = prose ? `The answer is $${answer.replaceAll(' or ', '$ or $')}$.` : answer;
      expect(compareMath(gold, said).verdict).not.toBe('correct');
    }),
    { numRuns: RUNS, seed: 7 },
  );
  expect(Object.keys(WRONG).filter((name) => (seen.get(name) ?? 0) < 20)).toEqual([]);
});

test('accepts the reference as its own answer, however it is wrapped', () => {
  fc.assert(
    fc.property(fc.oneof(...Object.values(WRONG)), ([gold]) => {
      for (const answer of [`$${gold}$`, `\\boxed{${gold}}`, `So it is \\[${gold}\\]`, `Final Answer: $${gold}$.`])
        expect(compareMath(gold, answer).verdict).toBe('correct');
    }),
    { numRuns: 500, seed: 7 },
  );
});
