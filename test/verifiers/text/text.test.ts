import { expect, test } from 'vitest';
import {
  choiceVerifier,
  exactVerifier,
  numericVerifier,
  regexVerifier,
} from '../../../src/verifiers/text/text-verifiers.js';
import type { Verifier } from '../../../src/verifiers/verifier.js';

const judge = async (verifier: Verifier, answer: string, completion: string): Promise<string> =>
  (await verifier.verify({ promptId: 'p', itemId: 'i', question: '', completion, reference: { answer, data: null } }))
    .verdict;

test.each([
  [exactVerifier(), 'yes', ' yes\n', 'correct'],
  [exactVerifier(), 'yes', 'Yes', 'incorrect'],
  [exactVerifier({ ignoreCase: true }), 'yes', 'Yes', 'correct'],
  [regexVerifier({ pattern: 'x=(?<answer>\\d+)' }), '5', 'so x=5', 'correct'],
  [regexVerifier({ pattern: 'x=(?<answer>\\d+)' }), '5', 'so x=55', 'incorrect'],
  [regexVerifier({ pattern: '^<think>', flags: 'm' }), '', 'a\n<think>', 'correct'],
  [regexVerifier(), '\\bred\\b', 'it is red', 'correct'],
  [regexVerifier(), '\\bred\\b', 'it is reddish', 'incorrect'],
  [choiceVerifier(), 'B', 'The answer is (B).', 'correct'],
  [choiceVerifier(), 'B', '\\boxed{\\text{B}}', 'correct'],
  [choiceVerifier(), '(B)', 'A is wrong. Answer: B', 'correct'],
  [choiceVerifier(), 'B', 'The answer is C', 'incorrect'],
  [choiceVerifier(), 'B', 'The answer is B or C', 'incorrect'],
  [choiceVerifier(), 'B', 'I do not know', 'unparseable'],
  [numericVerifier(), '1000', 'that makes 1,000', 'correct'],
  [numericVerifier(), '10', '7 + 3 = 10 ; answer 10', 'correct'],
  [numericVerifier(), '10', 'answer 11', 'incorrect'],
  [numericVerifier(), '10', 'answer 10 or 11', 'incorrect'],
  [numericVerifier({ absolute: 0.01 }), '3.14', '3.145', 'correct'],
  [numericVerifier({ relative: 0.1 }), '100', '111', 'incorrect'],
  [numericVerifier(), '5', 'none', 'unparseable'],
  [numericVerifier(), '5', 'The answer is not 5.', 'unparseable'],
  [numericVerifier(), '5', 'The answer is not: 5', 'unparseable'],
  [numericVerifier(), '5', 'The answer is not 4 but 5.', 'correct'],
  [numericVerifier(), '5', 'The answer is 5, not 4.', 'correct'],
  [numericVerifier(), '-5', 'answer −5', 'correct'],
  [numericVerifier(), '1e3', '1,000.0', 'correct'],
  [numericVerifier(), '0.3', '0.1 + 0.2 = 0.30000000000000004', 'correct'],
  [numericVerifier(), '5', '9'.repeat(100_000), 'incorrect'],
  [choiceVerifier(), 'B', 'The answer is not B.', 'unparseable'],
  [choiceVerifier(), 'B', 'The answer is not A but B', 'correct'],
  [choiceVerifier({ choices: 2 }), 'B', 'The answer is C', 'unparseable'],
  [exactVerifier(), 'not 5', '5', 'incorrect'],
  [exactVerifier(), 'a b', 'a  b', 'incorrect'],
])('%# is judged right', async (verifier, answer, completion, verdict) => {
  expect(await judge(verifier, answer, completion)).toBe(verdict);
});

test("wrong settings are named, and a reference that does not fit is the verifier's failure", async () => {
  expect(() => exactVerifier({ ignorCase: true } as object)).toThrow(/ignorCase.*ignoreCase/);
  expect(() => regexVerifier({ pattern: '(' })).toThrow(/pattern/);
  expect(() => regexVerifier({ flags: 'gg' })).toThrow(/flags/);
  expect(() => choiceVerifier({ choices: 1 })).toThrow(/choices/);
  await expect(judge(choiceVerifier(), 'Z', 'A')).rejects.toThrow(/reference/);
  await expect(judge(numericVerifier(), 'five', '5')).rejects.toThrow(/reference/);
});

test('the hash follows the settings', () => {
  expect(numericVerifier().hash).toBe(numericVerifier().hash);
  expect(numericVerifier({ absolute: 1 }).hash).not.toBe(numericVerifier().hash);
});
