import { afterAll, describe, expect, it } from 'vitest';
import { readSpec } from '../../../src/pipelines/spec/parse.js';
import { createVerifier } from '../../../src/verifiers/create.js';
import { openPool } from '../../../src/verifiers/pool.js';
import { ask } from '../question.js';

const pool = openPool(1);
afterAll(() => pool.close());
const module = 'examples/verifiers/brief.mjs';

describe('examples/verifiers/brief.mjs', () => {
  it.each([
    ['so 7', 'correct', 1],
    ['well now, let me think: 7', 'correct', 0.5],
    ['so 8', 'incorrect', 0],
    ['no idea', 'unparseable', 0],
  ])('%s: %s, %d', async (completion, verdict, reward) => {
    const verifier = await createVerifier({ module, words: 3 }, { pool });
    expect(verifier.name).toBe('brief');
    expect(await verifier.verify(ask(completion, '7'))).toMatchObject({ verdict, reward });
  });

  it.each([
    [{ module, words: 0 }, 'verify.words: found the number 0, expected a number of at least 1'],
    [{ module, wrds: 3 }, 'verify.wrds: unknown field, expected one of words; did you mean "words"?'],
  ])('checks its own settings: %j', async (spec, message) => {
    await expect(createVerifier(spec, { pool })).rejects.toThrow(message);
  });

  it('judges examples/brief.yaml; other settings give another hash', async () => {
    const { spec, folder } = readSpec('examples/brief.yaml');
    const verifier = await createVerifier(spec.verify, { pool, folder });
    expect(verifier.hash).not.toBe((await createVerifier({ module, words: 3 }, { pool })).hash);
    expect((await verifier.verify(ask('so 7', '7'))).verdict).toBe('correct');
  });
});
