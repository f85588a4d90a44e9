import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareMath, mathVerifier, verifyMathLine } from '../../../src/verifiers/math/index.js';
import type { MathOptions } from '../../../src/verifiers/math/options.js';
import { CATEGORIES } from './cases.js';

for (const { name, equal, different } of CATEGORIES) {
  test.each(equal)(`${name}: %s equals %s`, (gold, answer) => {
    expect(compareMath(gold, answer)).toMatchObject({ verdict: 'correct', reward: 1 });
  });
  test.each(different)(`${name}: %s is not %s`, (gold, answer) => {
    expect(compareMath(gold, answer)).toMatchObject({ reward: 0 });
  });
}

// Sections `# name {options}` of lines `= gold ;; answer` (equal) and `! gold ;; answer` (not); ⏎ is a line break.
const folder = new URL('./notation/', import.meta.url);
const sections = readdirSync(folder).flatMap((file) =>
  readFileSync(new URL(file, folder), 'utf8')
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [head = '', ...lines] = section.trimEnd().split('\n');
      const brace = head.indexOf('{');
      const options = JSON.parse(head.slice(brace)) as MathOptions;
      return { name: `${file}: ${head.slice(0, brace).trim()}`, options, lines };
    }),
);

test.each(sections)('notation: $name', ({ options, lines }) => {
  const wrong = lines.filter((line) => {
    const [gold = '', answer = ''] = line.slice(2).replaceAll('⏎', '\n').split(' ;; ');
    return (compareMath(gold, answer, options).verdict === 'correct') !== line.startsWith('= ');
  });
  expect(lines.length).toBeGreaterThan(2);
  expect(wrong).toEqual([]);
});

test.each([
  ['5', 'What is 2+3?', '2+3', false],
  ['5', 'What is 2+3?', '3 + 2', false],
  ['5', 'What is 2+3?', '2 + 3 = 5', true],
  ['1024', 'Compute 2^{10}.', '$2^{10}$', false],
  ['3', 'What is 12 divided by 4, 12/4?', '\\frac{12}{4}', false],
  ['1/2', 'Which is larger, 1/2 or 1/3?', '1/2', true],
  ['5', 'How many of the 5 apples are left?', '5', true],
])('gold %s of "%s": %s is correct: %s', (gold, question, answer, correct) => {
  expect(compareMath(gold, answer, { question }).verdict === 'correct').toBe(correct);
});

test.each([
  ['5', 'no idea', 'unparseable'],
  ['5', '', 'unparseable'],
  ['5', `\\boxed{${'('.repeat(4000)}5}`, 'unparseable'],
  ['5', '\\boxed{\\frac{1}}', 'unparseable'],
])('what cannot be read is unparseable: %#', (gold, answer, verdict) => {
  expect(compareMath(gold, answer).verdict).toBe(verdict);
});

test.each([
  '9^9^9^9',
  '\\sum_{k=1}^{9999} \\sum_{j=1}^{9999} k^j',
  '500!!!',
  '9^{9999}-9^{9998}',
  `\\boxed{${'\\frac{1}{1+'.repeat(200)}1${'}'.repeat(200)}}`,
  `\\boxed{${'{'.repeat(2000)}}`,
  '1e999999',
  `\\boxed{${'x+'.repeat(900)}x}`,
])('bounded work, and not correct: %#', (answer) => {
  expect(compareMath('7', answer).reward).toBe(0);
});

test('the places of the answer are tried in the order that is asked for', () => {
  const completion = 'The final answer is $6$. Or rather: \\boxed{5}. I thought of $7$';
  expect(compareMath('5', completion).reward).toBe(1);
  expect(compareMath('6', completion, { extract: ['final-answer'] }).reward).toBe(1);
  expect(compareMath('7', completion, { extract: ['last'] }).reward).toBe(1);
});

test('unknown and wrong settings are named', () => {
  expect(() => mathVerifier({ precison: 3 } as object)).toThrow(/precison.*precision/);
  expect(() => mathVerifier({ precision: 99 })).toThrow(/precision/);
  expect(() => mathVerifier({ extract: ['boxd' as 'boxed'] })).toThrow(/boxed/);
});

test('a line of a file becomes a verdict, and a bad line an error that names it', () => {
  expect(verifyMathLine({ id: 'a', gold: '1/2', answer: '0.5' }, 'f.jsonl', 3)).toEqual({
    id: 'a',
    verdict: 'correct',
    reward: 1,
    reason: 'the answer equals the reference',
  });
  expect(() => verifyMathLine({ id: 'a', gold: 1, answer: '1' }, 'f.jsonl', 3)).toThrow(/f\.jsonl:3\.gold/);
});

test('the verifier uses the question and never quotes the reference', async () => {
  const verifier = mathVerifier();
  const judged = await verifier.verify({
    promptId: 'p',
    itemId: 'i',
    question: 'What is 61+62?',
    completion: 'answer 61+62',
    reference: { answer: '123', data: null },
  });
  expect(judged.verdict).toBe('incorrect');
  expect(JSON.stringify(judged)).not.toContain('123');
});

const integer = fc.integer({ min: -9999, max: 9999 });
const offset = fc.integer({ min: 1, max: 50 }).chain((d) => fc.constantFrom(d, -d));
const wrong = fc.oneof(
  fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `${a + d}`]),
  fc.tuple(integer, fc.integer({ min: 1, max: 999 })).map(([a, d]) => [`${a}`, `${a}.${String(d).padStart(3, '0')}`]),
  fc
    .tuple(integer, fc.integer({ min: 2, max: 99 }), offset)
    .map(([a, b, d]) => [`\\frac{${a}}{${b}}`, `\\frac{${a + d}}{${b}}`]),
  fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}`, `-${a}`]),
  fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\%`, `${a * 10}\\%`]),
  fc.integer({ min: 1, max: 9999 }).map((a) => [`${a}\\text{ cm}`, `${a}\\text{ m}`]),
  fc.tuple(integer, offset).map(([a, d]) => [`\\sqrt{${Math.abs(a) + 60}}`, `\\sqrt{${Math.abs(a) + 60 + d}}`]),
  fc.tuple(integer, integer, offset).map(([a, b, d]) => [`${a}x+${Math.abs(b)}`, `${a}x+${Math.abs(b) + Math.abs(d)}`]),
  fc.tuple(integer, offset).map(([a, d]) => [`x^2+${Math.abs(a)}x`, `x^2+${Math.abs(a) + Math.abs(d)}x`]),
  fc.tuple(integer, offset).map(([a, d]) => [`(${a},${a + Math.abs(d)})`, `(${a},${a + Math.abs(d)}]`]),
  fc.tuple(integer, offset).map(([a, d]) => [`[${a},${a + Math.abs(d)}]`, `(${a},${a + Math.abs(d)}]`]),
  fc.tuple(integer, offset).map(([a, d]) => [`(${a},${a + d},${a})`, `(${a + d},${a},${a})`]),
  fc.tuple(integer, offset).map(([a, d]) => [`\\{${a},${a + d}\\}`, `\\{${a}\\}`]),
  fc.tuple(integer, offset).map(([a, d]) => [`${a}, ${a + d}`, `${a}`]),
  fc.tuple(integer, offset).map(([a, d]) => [`x > ${a}`, `x > ${a + d}`]),
  integer.map((a) => [`x > ${a}`, `x \\ge ${a}`]),
  integer.map((a) => [`x > ${a}`, `x < ${a}`]),
  fc
    .tuple(integer, offset)
    .map(([a, d]) => [
      `\\begin{pmatrix}1&${a}\\\\0&1\\end{pmatrix}`,
      `\\begin{pmatrix}1&${a + d}\\\\0&1\\end{pmatrix}`,
    ]),
  fc.tuple(integer, offset).map(([a, d]) => [`${a}+${Math.abs(d)}i`, `${a}-${Math.abs(d)}i`]),
  fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `${a} or ${a + d}`]),
  fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.nat(9)).map(([a, d]) => [`${a}${d}`, `${a} ${d}`]),
  fc.tuple(integer, offset).map(([a, d]) => [`${a}`, `\\boxed{${a + d}} or \\boxed{${a}}`]),
);

test('no wrong answer of 4,000 is called correct', () => {
  fc.assert(
    fc.property(wrong, ([gold = '', answer = '']) => {
      expect(compareMath(gold, answer).verdict).not.toBe('correct');
      expect(compareMath(gold, `The answer is $${answer.replaceAll(' or ', '$ or $')}$.`).verdict).not.toBe('correct');
    }),
    { numRuns: 4000, seed: 7 },
  );
});

test('an answer is correct against itself, in every wrapping', () => {
  fc.assert(
    fc.property(wrong, ([gold = '']) => {
      for (const answer of [`$${gold}$`, `\\boxed{${gold}}`, `So it is \\[${gold}\\]`, `Final Answer: $${gold}$.`])
        expect(compareMath(gold, answer).verdict).toBe('correct');
    }),
    { numRuns: 500, seed: 7 },
  );
});
