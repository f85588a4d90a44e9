import { expect, test } from 'vitest';
import { ask, open } from '../question.js';

const judge = async (kind: string, settings: object, answer: string, completion: string): Promise<string> =>
  (await (await open(kind, settings)).judge(ask(completion, answer))).verdict;

test.each([
  ['exact', {}, 'yes', ' yes\n', 'correct'],
  ['exact', {}, 'yes', 'Yes', 'incorrect'],
  ['exact', { ignoreCase: true }, 'yes', 'Yes', 'correct'],
  ['regex', { pattern: 'x=(?<answer>\\d+)' }, '5', 'so x=5', 'correct'],
  ['regex', { pattern: 'x=(?<answer>\\d+)' }, '5', 'so x=55', 'incorrect'],
  ['regex', { pattern: '^<think>', flags: 'm' }, '', 'a\n<think>', 'correct'],
  ['regex', {}, '\\bred\\b', 'it is red', 'correct'],
  ['regex', {}, '\\bred\\b', 'it is reddish', 'incorrect'],
  ['choice', {}, 'B', 'The answer is (B).', 'correct'],
  ['choice', {}, 'B', '\\boxed{\\text{B}}', 'correct'],
  ['choice', {}, '(B)', 'A is wrong. Answer: B', 'correct'],
  ['choice', {}, 'B', 'The answer is C', 'incorrect'],
  ['choice', {}, 'B', 'The answer is B or C', 'incorrect'],
  ['choice', {}, 'B', '\\boxed{C} or \\boxed{B}', 'incorrect'],
  ['choice', {}, 'B', '\\boxed{\\text{C}}, \\boxed{\\text{B}}', 'incorrect'],
  ['choice', {}, 'B', '\\boxed{B}, that is \\boxed{B}', 'correct'],
  ['choice', {}, 'B', '\\boxed{C}? No: \\boxed{B}', 'correct'],
  ['choice', {}, 'B', 'I do not know', 'unparseable'],
  ['numeric', {}, '1000', 'that makes 1,000', 'correct'],
  ['numeric', {}, '10', '7 + 3 = 10 ; answer 10', 'correct'],
  ['numeric', {}, '10', 'answer 11', 'incorrect'],
  ['numeric', {}, '10', 'answer 10 or 11', 'incorrect'],
  ['numeric', { absolute: 0.01 }, '3.14', '3.145', 'correct'],
  ['numeric', { relative: 0.1 }, '100', '111', 'incorrect'],
  ['numeric', {}, '5', 'none', 'unparseable'],
  ['numeric', {}, '5', 'The answer is not 5.', 'unparseable'],
  ['numeric', {}, '5', 'The answer is not: 5', 'unparseable'],
  ['numeric', {}, '5', 'The answer is not 4 but 5.', 'correct'],
  ['numeric', {}, '5', 'The answer is 5, not 4.', 'correct'],
  ['numeric', {}, '-5', 'answer −5', 'correct'],
  ['numeric', {}, '1e3', '1,000.0', 'correct'],
  ['numeric', {}, '0.3', '0.1 + 0.2 = 0.30000000000000004', 'correct'],
  ['numeric', {}, '5', '9'.repeat(100_000), 'incorrect'],
  ['choice', {}, 'B', 'The answer is not B.', 'unparseable'],
  ['choice', {}, 'B', 'The answer is not A but B', 'correct'],
  ['choice', { choices: 2 }, 'B', 'The answer is C', 'unparseable'],
  ['exact', {}, 'not 5', '5', 'incorrect'],
  ['exact', {}, 'a b', 'a  b', 'incorrect'],
])('%s %j: the reference %j and the completion %j are %s', async (kind, settings, answer, completion, verdict) => {
  expect(await judge(kind, settings, answer, completion)).toBe(verdict);
});

test.each([
  ['exact', { ignorCase: true }, /ignorCase.*ignoreCase/],
  ['regex', { pattern: '(' }, /pattern/],
  ['regex', { flags: 'gg' }, /flags/],
  ['regex', { flags: 'ii' }, /flags/],
  ['choice', { choices: 1 }, /choices: found the number 1, expected a number of at least 2/],
])('%s names the wrong setting in %j', async (kind, settings, message) => {
  await expect(open(kind, settings)).rejects.toThrow(message);
});

test.each([
  ['choice', 'Z', 'A'],
  ['numeric', 'five', '5'],
])('%s fails, instead of giving a verdict, for the unsuitable reference %j', async (kind, answer, completion) => {
  await expect(judge(kind, {}, answer, completion)).rejects.toThrow(/reference/);
});

test('the hash depends on the settings', async () => {
  const hash = async (settings: object) => (await open('numeric', settings)).hash;
  expect(await hash({})).toBe(await hash({ absolute: 0 }));
  expect(await hash({})).not.toBe(await hash({ absolute: 1 }));
});
