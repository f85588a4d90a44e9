import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareMath } from '../../../src/verifiers/math/judge-math.js';
import { lenientAnswers, wrongAnswers } from './wrong-answers.js';

const WRONG = 5000;

test(`none of ${WRONG} wrong answers near the right one is correct`, () => {
  const accepted = wrongAnswers(WRONG, 7).filter(({ gold, answer }) => compareMath(gold, answer).verdict === 'correct');
  expect(accepted).toEqual([]);
});

// The rates in docs/verifiers/math.md.
test.each([
  ['mentioned', 'boxed', 0],
  ['mentioned', 'last', 0],
  ['mentioned', 'any', 1000],
  ['last of several', 'boxed', 0],
  ['last of several', 'last', 391],
  ['last of several', 'any', 787],
] as const)('of 1,000 answers that are only %s, the form %s accepts %i', (kind, answer, count) => {
  const accepted = lenientAnswers(kind, 1000, 7).filter(
    (wrong) => compareMath(wrong.gold, wrong.answer, { answer }).verdict === 'correct',
  );
  expect(accepted).toHaveLength(count);
});

test.each([
  ['boxed', '\\boxed{5}', 'correct'],
  ['boxed', 'So it is \\boxed{5}. Done.', 'correct'],
  ['boxed', 'First \\boxed{5}, hence \\boxed{5}.', 'correct'],
  ['boxed', 'The answer is 5', 'unparseable'],
  ['boxed', '\\boxed{5', 'unparseable'],
  ['boxed', '\\boxed{6}\n\\boxed{5}', 'incorrect'],
  ['boxed', 'not \\boxed{5}', 'incorrect'],
  ['boxed', '<think>\\boxed{5}</think> It is 5', 'unparseable'],
  ['boxed', '<think>\\boxed{5}', 'unparseable'],
  ['last', '4 + 3 = 7 ; 7 - 2 = 5 ; answer 5', 'correct'],
  ['last', 'x\n\\boxed{5}', 'correct'],
  ['last', 'so\n#### 5', 'correct'],
  ['last', '**5**', 'correct'],
  ['last', 'Answer: 5 apples', 'correct'],
  ['last', '4 + 3 = 7 ; 7 - 2 = 5', 'incorrect'],
  ['last', 'answer 5 or 6', 'incorrect'],
  ['last', 'The answer is about 5', 'incorrect'],
  ['last', 'We get 5 apples and 3 pears', 'unparseable'],
  ['last', 'The answer is 5.\nI hope it is right.', 'unparseable'],
  ['last', '<think>5', 'unparseable'],
  ['any', 'We get 5.', 'correct'],
] as const)('an answer marked as %s: %j', (answer, completion, verdict) => {
  expect(compareMath('5', completion, { answer }).verdict).toBe(verdict);
});

const VALUES = fc.integer({ min: -50, max: 50 });

/** Ways to offer two values, neither of which is then the answer. */
const OFFERS: readonly ((one: number, other: number) => string)[] = [
  (one, other) => `\\boxed{${one} \\text{ or } ${other}}`,
  (one, other) => `\\boxed{${one}} or \\boxed{${other}}`,
  (one, other) => `\\boxed{${one}} (or \\boxed{${other}})`,
  (one, other) => `\\boxed{${one}} and/or \\boxed{${other}}`,
  (one, other) => `\\boxed{${one}}, or maybe \\boxed{${other}}`,
  (one, other) => `\\boxed{${one}} / \\boxed{${other}}`,
  (one, other) => `\\boxed{${one}} or ${other}`,
  (one, other) => `\\boxed{${one}}. Or ${other}.`,
  (one, other) => `\\boxed{${one}} - or $${other}$`,
  (one, other) => `\\boxed{${one}} or x = ${other}`,
  (one, other) => `\\boxed{${one}}. It could also be ${other}.`,
  (one, other) => `\\boxed{${one}} (${other} is also possible)`,
  (one, other) => `${other} or \\boxed{${one}}`,
  (one, other) => `Either $${other}$ or $\\boxed{${one}}$.`,
  (one, other) => `x = ${other} or x = \\boxed{${one}}`,
  (one, other) => `The answer is ${other} km or \\boxed{${one}} km.`,
  (one, other) => `\\boxed{${one}, ${other} \\text{ or } ${one}}`,
  (one, other) => `\\boxed{${one}, ${other}} or \\boxed{${one}}`,
  (one) => `Either \\boxed{${one}}`,
  (one) => `\\boxed{\\text{either } ${one}}`,
];

test('an answer that offers two values is no answer, in whatever order', () => {
  const different = fc.tuple(VALUES, VALUES).filter(([a, b]) => a !== b);
  fc.assert(
    fc.property(different, fc.constantFrom(...OFFERS), fc.constantFrom('any', 'boxed'), ([a, b], offer, answer) => {
      for (const [one, other] of [
        [a, b],
        [b, a],
      ] as const)
        for (const gold of [`${a}`, `\\{${a}, ${b}, 99\\}`])
          expect(compareMath(gold, offer(one, other), { answer }).verdict, offer(one, other)).not.toBe('correct');
    }),
    { seed: 5, numRuns: 400 },
  );
});

test.each([
  ['3', '180 minutes, or \\boxed{3} hours'],
  ['\\frac12', 'so it is $\\frac12$, or \\boxed{0.5}.'],
  ['0.28', '28\\% or \\boxed{0.28}'],
  ['3', '\\boxed{3} or three'],
  ['3', 'in other words, or equivalently \\boxed{3}'],
  ['\\pi', '\\boxed{\\pi}. Or, in decimal form, about 3.14.'],
  ['3', '\\boxed{3}. It may be of interest that 4 is even.'],
  ['3', 'either way, \\boxed{3}'],
  ['3,4', 'x is either \\boxed{3} or \\boxed{4}'],
])('the same value in other words is one answer: %s against %s', (gold, completion) => {
  expect(compareMath(gold, completion).verdict).toBe('correct');
  expect(compareMath('7', completion).verdict).not.toBe('correct');
});

test.each([
  ['1\\%', 'x^'.repeat(300)],
  ['1', 'x^'.repeat(300)],
  ['1', '0.1^'.repeat(300)],
])('what floating point loses shows nothing: %s against a tower of powers', (gold, tower) => {
  expect(compareMath(gold, `\\boxed{${tower}2}`).verdict).not.toBe('correct');
});

test.each([
  '1+e^{-1000}',
  '1+10^{-\\frac{201}{2}}',
  '2^{10^{-\\frac{401}{2}}}',
  'e^{-10^{-\\frac{401}{2}}}',
  '\\tanh 1000',
  '\\cos(e^{-1000})',
])('%s is not 1', (answer) => {
  expect(compareMath('1', `\\boxed{${answer}}`).verdict).not.toBe('correct');
});

const grouped = (n: number, separator: string): string => String(n).replace(/\B(?=(\d{3})+$)/g, separator);
const inDigitsOf = (zero: number, n: number): string =>
  String(n).replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));

/** Ways to write a whole number from 10,000. */
const WRITTEN: Readonly<Record<string, (n: number) => string>> = {
  plain: String,
  commas: (n) => grouped(n, ','),
  spaces: (n) => grouped(n, ' '),
  'narrow spaces': (n) => grouped(n, '\u202f'),
  apostrophes: (n) => grouped(n, "'"),
  'LaTeX commas': (n) => `$${grouped(n, '{,}')}$`,
  'LaTeX spaces': (n) => `\\boxed{${grouped(n, '\\,')}}`,
  'full-width': (n) => inDigitsOf(0xff10, n),
  'Arabic-Indic': (n) => inDigitsOf(0x0660, n),
  Devanagari: (n) => inDigitsOf(0x0966, n),
  bold: (n) => inDigitsOf(0x1d7ce, n),
  Markdown: (n) => `**${n}**`,
  code: (n) => `\`${n}\``,
  HTML: (n) => `<b>${n}</b>`,
  sentence: (n) => `The answer is ${n}.`,
  'invisible characters': (n) => `\u200b${n}\u200b`,
  fraction: (n) => `\\frac{${2 * n}}{2}`,
  scientific: (n) => `${n / 1e4}\\times 10^4`,
  unit: (n) => `${n} apples`,
};

test('a number is right in every spelling, and another number in none', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: 9_999_999 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.constantFrom(...Object.values(WRITTEN)),
      (n, offset, written) => {
        expect(compareMath(String(n), written(n)).verdict).toBe('correct');
        expect(compareMath(String(n), written(n + offset)).verdict).not.toBe('correct');
      },
    ),
    { numRuns: 400, seed: 7 },
  );
});

test('units of one dimension are converted, others differ', () => {
  const units = [
    ['km', 1000],
    ['m', 1],
    ['cm', 0.01],
    ['mm', 0.001],
  ] as const;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999 }), fc.constantFrom(...units), fc.constantFrom(...units), (n, a, b) => {
      const converted = String(Number(((n * a[1]) / b[1]).toPrecision(12)));
      expect(compareMath(`${n}\\text{ ${a[0]}}`, `${converted}\\text{ ${b[0]}}`).verdict).toBe('correct');
      if (a[0] !== b[0]) expect(compareMath(`${n}\\text{ ${a[0]}}`, `The answer is ${n} ${b[0]}.`).reward).toBe(0);
      expect(compareMath(`${n}\\text{ ${a[0]}}`, `\\boxed{${n}\\text{ kg}}`).reward).toBe(0);
    }),
    { numRuns: 200, seed: 7 },
  );
});
