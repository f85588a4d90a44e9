import { afterAll, describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verifiers/create.js';
import { openPool } from '../../src/verifiers/pool.js';
import type { CheckedVerifier } from '../../src/verifiers/verifier.js';

const pool = openPool(2);
afterAll(() => pool.close());

const ask = (completion: string, data: object | null = null) => ({
  promptId: 'p',
  itemId: 'i',
  question: '',
  completion,
  reference: { answer: '', data: data === null ? null : JSON.stringify(data) },
});
const create = (spec: unknown) => createVerifier(spec, { pool });
const form = (pattern: string) => ({ format: { pattern } });

describe('createVerifier', () => {
  it('suggests the nearest name for an unknown kind or setting', async () => {
    await expect(create({ sqll: {} })).rejects.toThrow('did you mean "sql"?');
    await expect(create({ sql: { tolerence: 1 } })).rejects.toThrow('verify.sql.tolerence: unknown field');
    await expect(create({ all: [] })).rejects.toThrow('verify.all: found a list, expected a list of verifiers');
    await expect(create({ code: { languages: ['pyton'] } })).rejects.toThrow('did you mean "python"?');
  });

  it('judges mathematics and exact text in the pool', async () => {
    const judge = async (spec: unknown, completion: string, answer: string) => {
      const question = { ...ask(completion), reference: { answer, data: null } };
      return (await (await create(spec)).verify(question)).verdict;
    };
    expect(await judge({ math: {} }, 'so \\boxed{0.5}', '1/2')).toBe('correct');
    expect(await judge({ math: {} }, 'so \\boxed{0.6}', '1/2')).toBe('incorrect');
    expect(await judge({ exact: {} }, ' Paris\n', 'Paris')).toBe('correct');
    expect(await judge({ regex: { pattern: '^(a+)+$' } }, `${'a'.repeat(60)}!`, '')).toBe('timeout');
  });

  it('combines verifiers', async () => {
    const verdict = async (spec: unknown) => {
      const { verdict, reward } = await (await create(spec)).verify(ask('ab'));
      return [verdict, reward];
    };
    expect(await verdict({ all: [form('a.'), form('.b')] })).toEqual(['correct', 1]);
    expect(await verdict({ all: [form('a.'), form('b')] })).toEqual(['incorrect', 0]);
    expect(await verdict({ any: [form('b'), form('a.')] })).toEqual(['correct', 1]);
    const parts = [
      { weight: 0.75, verify: form('b') },
      { weight: 0.25, verify: form('a.') },
    ];
    expect(await verdict({ weighted: parts })).toEqual(['incorrect', 0.25]);
  });

  it('reports when two verifiers disagree about a record', async () => {
    const verifier = (await create({ checked: [form('a.'), form('b')] })) as CheckedVerifier;
    expect((await verifier.verify(ask('ab'))).evidence.disagrees).toBe('incorrect');
    expect(await verifier.judgeTwice(ask('ab'))).toMatchObject({
      judgement: { verdict: 'correct' },
      disagreement: {
        judged: { verdict: 'correct', verifier: 'format' },
        checked: { verdict: 'incorrect', reason: expect.any(String) },
      },
    });
    expect(await verifier.judgeTwice(ask('c'))).not.toHaveProperty('disagreement');
  });

  it.each([
    [{ all: [{ math: { precision: 2.5 } }] }, 'verify.all[0].math.precision: found the number 2.5, expected a whole'],
    [{ any: [form('a'), { choice: { choices: 4.5 } }] }, 'verify.any[1].choice.choices: found the number 4.5'],
    [{ weighted: [{ weight: 1, verify: { exact: { case: 1 } } }] }, 'verify.weighted[0].verify.exact.case: unknown'],
    [{ checked: [form('a'), { numeric: { absolute: -1 } }] }, 'verify.checked[1].numeric.absolute: found'],
    [{ all: [{ regex: { pattern: '(' } }] }, 'verify.all[0].regex.pattern: found'],
    [{ all: [{ code: { limits: { processes: 1.5 } } }] }, 'verify.all[0].code.limits.processes: found'],
  ])('names the place of a wrong setting: %j', async (spec, message) => {
    await expect(create(spec)).rejects.toThrow(message);
  });

  it('has equal hashes only for equal settings', async () => {
    const hash = async (spec: unknown) => (await create(spec)).hash;
    expect(await hash(form('a'))).toBe(await hash(form('a')));
    expect(await hash(form('a'))).not.toBe(await hash(form('b')));
  });
});
