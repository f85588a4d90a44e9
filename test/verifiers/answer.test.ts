import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verifiers/create.js';

const question = {
  promptId: 'p',
  itemId: 'p',
  question: 'what?',
  completion: '',
  reference: { answer: '', data: null },
};

describe('an item without a reference answer', () => {
  it.each([{ math: {} }, { exact: {} }, { regex: {} }, { regex: { pattern: '(?<answer>\\d*)' } }])(
    'cannot be judged by %j',
    async (spec) => {
      const verifier = await createVerifier(spec, { workers: 1 });
      await expect(verifier.verify(question)).rejects.toMatchObject({ name: 'UserError', code: 'no-answer' });
      await verifier.close();
    },
  );

  it('is accepted by a verifier that needs none', async () => {
    const verifier = await createVerifier({ regex: { pattern: '^$' } }, { workers: 1 });
    expect(await verifier.verify(question)).toMatchObject({ verdict: 'correct' });
    await verifier.close();
  });
});
