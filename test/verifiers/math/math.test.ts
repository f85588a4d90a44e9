import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compareMath } from '../../../src/verifiers/math/judge-math.js';
import { readMathLine } from '../../../src/verifiers/math/line.js';
import type { MathOptions } from '../../../src/verifiers/math/settings.js';
import { open } from '../question.js';
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
  ['5\\sqrt{2}', 'Simplify \\(\\sqrt{50}\\).', '\\boxed{\\sqrt{50}}', false],
  ['5\\sqrt{2}', 'Simplify \\(\\sqrt{50}\\).', '\\boxed{\\sqrt{2}\\cdot5}', true],
  ['x^2+2x+1', 'Expand (x+1)^2.', '(x+1)^2', false],
  ['x^2+2x+1', 'Expand (x+1)^2.', '1+2x+x^2', true],
  ['x+1', 'Simplify \\frac{x^2-1}{x-1}.', '$\\frac{x^2-1}{x-1}$', false],
  ['\\frac{3}{4}', 'Reduce 6/8.', '6/8', false],
  ['\\frac{1}{2}', 'Which is larger, 1/2 or 1/3?', '\\frac12', true],
  ['\\frac13', 'Compute \\int_0^1 x^2\\,dx.', '$\\int_0^1 x^2 dx$', false],
  ['55', 'Compute \\sum_{k=1}^{10} k.', '$\\sum_{k=1}^{10} k$', false],
  ['(x-1)(x+1)', 'Factor x^2-1.', 'x^2-1', false],
  ['(x-1)(x+1)', 'Factor x^2-1.', '(x+1)(x-1)', true],
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

const times = (text: string, count: number): string => text.repeat(count);
// Each of these would take too much time or memory if it were evaluated in full.
const HOSTILE: Readonly<Record<string, string>> = {
  tower: '9^{9^{9^9}}',
  'power of a power': '(10^{1000})^{1000}',
  'difference of powers': '9^{9999}-9^{9998}',
  'a million digits': times('9', 1e6),
  'digits that almost repeat': `0.${times('12', 2400)}3...`,
  exponent: '1e999999',
  'small power': '10^{-999999}',
  'nested fractions': `${times('\\frac{1}{1+', 10_000)}1${times('}', 10_000)}`,
  'fractions up to the maximum depth': `${times('\\frac{1}{1+', 25)}1${times('}', 25)}`,
  'open fractions': times('\\frac{', 15_000),
  'open roots': times('\\sqrt{', 12_000),
  parentheses: times('(', 50_000),
  'open pairs': times('(1,', 30_000),
  intervals: `${times('[1,2]\\cup', 300)}[3,4]`,
  braces: times('{', 50_000),
  bars: `|${times('x|', 900)}`,
  'long sum': `${times('1+', 45_000)}x`,
  'two readings of each comma': `${times('1,111+', 15_000)}=`,
  signs: `${times('-', 900)}1`,
  'product of sums': times('(x+1)', 300),
  'tower of names': `${times('x^', 900)}2`,
  factorials: '500!!!',
  'nested factorials': '((500!)!)!',
  binomial: '\\binom{5000}{2500}',
  'sum of sums': `${times('\\sum_{k=1}^{9999}', 9)}k`,
  'long product': '\\prod_{k=1}^{9999} k^{9999}',
  'integral of integrals': `${times('\\int_0^1 ', 9)}x${times(' dx', 9)}`,
  'plus or minus': `${times('\\pm 1 + ', 200)}x`,
  'large determinant': `\\begin{vmatrix}${times(`${times('x&', 11)}x\\\\`, 12)}\\end{vmatrix}`,
  'power of a matrix': times('\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}', 60),
  'open environments': times('\\begin{cases}', 900),
  'long list': `${times('x,', 900)}y`,
  'open boxes': times('\\boxed{', 15_000),
  dollars: times('$', 90_000),
  'open brackets': times('\\[', 45_000),
  'white space': `x${times(' ', 90_000)}1`,
  'open texts': times('\\text{', 900),
  denials: `${times('not ', 20_000)}x`,
  'many answers': `${times('the final answer is ', 5000)}x`,
  chain: `${times('x<', 900)}y`,
  'inequality of high degree': `x^{100}+${times('x+', 400)}1>0`,
  'nested bars': `${times('\\left|', 400)}x${times('\\right|', 400)}`,
  backslashes: times('\\', 99_999),
  'control characters': times('\0', 2000),
  thoughts: `${times('<think>', 9000)}${times('</think>', 9000)}x`,
};

// Only the test's own timeout applies: any verdict will do.
test.each(Object.entries(HOSTILE))('bounded work, and not correct: %s', (_, text) => {
  for (const [gold, answer] of [
    ['7', text],
    ['x>5', `\\boxed{${text}}`],
    ['z^2+1', `The final answer is $${text}$.`],
  ] as const)
    expect(compareMath(gold, answer)).toMatchObject({ reward: 0, verdict: expect.stringMatching(/^(?:in|unparse)/) });
});

// Every object in JavaScript inherits these: a table of words must not know them.
test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty'])('%s is only a word', (word) => {
  for (const text of [word, `\\${word} 5`, `${word}(2)`, `\\text{${word}}`, `\\mathbb{${word}}`]) {
    expect(compareMath('7', `\\boxed{${text}}`)).toMatchObject({ reward: 0 });
    expect(compareMath(text, '\\boxed{7}')).toMatchObject({ reward: 0 });
  }
});

test('extract selects where the answer is found', () => {
  const completion = 'The final answer is $6$. Or rather: \\boxed{5}. I thought of $7$';
  expect(compareMath('5', completion).reward).toBe(1);
  expect(compareMath('6', completion, { extract: ['final-answer'] }).reward).toBe(1);
  expect(compareMath('7', completion, { extract: ['last'] }).reward).toBe(1);
});

test.each([
  [{ precison: 3 }, /precison.*precision/],
  [{ precision: 99 }, /precision/],
  [{ extract: ['boxd'] }, /verify\.math\.extract\[0\]: found the string "boxd".*did you mean "boxed"/],
])('names the wrong setting in %j', async (settings, message) => {
  await expect(open('math', settings)).rejects.toThrow(message);
});

test('reads a line, whose settings may say how the answer must be marked, and names the field of an invalid one', () => {
  expect(readMathLine({ id: 'a', gold: '1/2', answer: '0.5', marked: 'boxed' }, 'f.jsonl:3')).toMatchObject({
    answer: '0.5',
    settings: { answer: 'boxed' },
  });
  expect(() => readMathLine({ id: 'a', gold: 1, answer: '1' }, 'f.jsonl:3')).toThrow(/f\.jsonl:3\.gold/);
});

test('uses the question and never quotes the reference', async () => {
  const verifier = await open('math');
  const judged = await verifier.judge({
    promptId: 'p',
    itemId: 'i',
    question: 'What is 61+62?',
    completion: 'answer 61+62',
    reference: { answer: '123', data: null },
  });
  expect(judged.verdict).toBe('incorrect');
  expect(JSON.stringify(judged)).not.toContain('123');
});
