import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createVerifier } from '../../../src/verifiers/create.js';
import { isCheckedVerifier, type Verifier } from '../../../src/verifiers/verifier.js';
import { lacks, mathVerifyFolder } from '../../needs.js';
import { ask, judgeLine } from '../question.js';

it('says what to install where Math-Verify is missing', async () => {
  const line = { id: 'a', completion: '5', answer: '5', python: '/nowhere' };
  await expect(judgeLine('math-verify', line)).rejects.toThrow(
    /^f:1\.python: found no package math-verify in \/nowhere; install it with `python3 -m venv/,
  );
});

describe.skipIf(await lacks('sandbox', 'math-verify'))('Math-Verify', () => {
  const settings = { python: mathVerifyFolder, seconds: 3 };
  let verifier: Verifier;
  beforeAll(async () => {
    verifier = await createVerifier({ 'math-verify': settings }, { workers: 1 });
  });
  afterAll(() => verifier.close());

  it.each([
    ['\\frac{1}{2}', 'so \\boxed{0.5}', 'correct'],
    ['1/2', 'so $\\frac{2}{4}$', 'correct'],
    ['$x^2+2x+1$', '\\boxed{(x+1)^2}', 'correct'],
    ['1/2', 'so \\boxed{0.51}', 'incorrect'],
    ['1/2', '<think>\\boxed{0.5}</think> I do not know.', 'unparseable'],
    ['1/2', '', 'unparseable'],
    ['1/2', '\\boxed{9^{9^{9^9}}}', 'timeout'],
    ['\\{1, 2\\}', '\\boxed{\\{2, 1\\}}', 'correct'],
  ])('%s against %s: %s', async (gold, completion, verdict) => {
    const judged = await verifier.verify(ask(completion, gold));
    expect(judged.verdict, judged.reason).toBe(verdict);
  });

  it('checks the math verifier: both judgements of a disagreement', async () => {
    const checked = await createVerifier({ checked: [{ math: {} }, { 'math-verify': settings }] }, { workers: 1 });
    onTestFinished(() => checked.close());
    if (!isCheckedVerifier(checked)) throw new Error('it is not a checked verifier');
    expect(await checked.judgeTwice(ask('\\boxed{0.5}', '1/2'))).not.toHaveProperty('disagreement');
    const { judgement, disagreement } = await checked.judgeTwice(ask('\\boxed{5\\text{ m}}', '5\\text{ cm}'));
    expect(judgement).toMatchObject({ verdict: 'incorrect', evidence: { disagrees: 'correct' } });
    expect(disagreement).toMatchObject({
      judged: { verifier: 'math', verdict: 'incorrect' },
      checked: { verifier: 'math-verify', verdict: 'correct' },
    });
  });
});
