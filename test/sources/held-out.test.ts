import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { fileSource } from '../../src/sources/file.js';
import { boundaryBetween, type HeldOut, rankOf } from '../../src/sources/held-out.js';
import { isBad, type Positioned, type PromptSource } from '../../src/sources/source.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-held-out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (questions: readonly string[], heldOut: HeldOut, shuffle?: number) => {
  const rows = questions.map((question, n) => JSON.stringify({ id: `${question}/${n}`, question }));
  writeFileSync(join(folder, 'p.jsonl'), rows.join('\n'));
  return fileSource({ file: 'p.jsonl', heldOut, shuffle }, folder);
};
const heldOutOf = (source: PromptSource) => new Set(source.heldOut.map(({ question }) => question));
/** Questions in the order of the first prompts, one list per pass. */
const passesOf = async (source: PromptSource, count: number, from = 0n) => {
  const passes: string[][] = [];
  for await (const { found, pass } of source.from(from)) {
    if (pass === count) break;
    passes[pass] = [...(passes[pass] ?? []), isBad(found) ? found.source : found.question];
  }
  return passes;
};
const positionsOf = async (source: PromptSource, count: number, from = 0n) => {
  const found: Positioned[] = [];
  for await (const one of source.from(from)) if (found.push(one) === count) break;
  return found;
};
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${from + n} + 1 =`);

describe('held-out questions', () => {
  it('stay held out when lines are added, under the recorded share', async () => {
    const first = await open(numbered(0, 400), 50);
    const share = first.heldOutShare ?? 0;
    expect(first.heldOut).toHaveLength(50);
    const grown = await open([...numbered(400, 1000), ...numbered(0, 400).reverse()], { share });
    expect([...heldOutOf(first)].filter((question) => !heldOutOf(grown).has(question))).toEqual([]);
    const [trained = []] = await passesOf(first, 1);
    expect(trained.filter((question) => heldOutOf(grown).has(question))).toEqual([]);
  });
  it('are never trained on and do not depend on the other lines', async () => {
    const questions = fc.uniqueArray(fc.constantFrom(...numbered(0, 60)), { minLength: 2 });
    await fc.assert(
      fc.asyncProperty(questions, questions, fc.double({ min: 0.05, max: 0.9 }), async (some, more, share) => {
        fc.pre(some.some((question) => rankOf(question) >= share));
        const source = await open([...some, ...more], { share });
        const expected = new Set([...some, ...more].filter((question) => rankOf(question) < share));
        expect(heldOutOf(source)).toEqual(expected);
        const [trained = []] = await passesOf(source, 1);
        expect(trained.filter((question) => expected.has(question))).toEqual([]);
        expect(trained).toHaveLength([...some, ...more].filter((question) => !expected.has(question)).length);
      }),
      { numRuns: 25 },
    );
  });
  it('may be those of a file', async () => {
    writeFileSync(join(folder, 'test.csv'), 'q,a\n1  + 1 =,2\n9 + 9 =,18\n');
    writeFileSync(
      join(folder, 'p.jsonl'),
      numbered(0, 3)
        .map((q) => JSON.stringify({ q, a: '1' }))
        .join('\n'),
    );
    const fields = { question: 'q', answer: 'a' };
    const source = await fileSource(
      { file: 'p.jsonl', heldOut: { file: 'test.csv' }, shuffle: undefined, fields },
      folder,
    );
    expect(source.heldOut).toMatchObject([{ answer: '2' }, { question: '9 + 9 =' }]);
    expect(await passesOf(source, 1)).toEqual([['0 + 1 =', '2 + 1 =']]);
    writeFileSync(join(folder, 'test.csv'), 'q,a\n1,2,3\n');
    const broken = fileSource({ file: 'p.jsonl', heldOut: { file: 'test.csv' }, shuffle: undefined, fields }, folder);
    await expect(broken).rejects.toThrow('test.csv:2: found 3 cells');
  });
  it('are told where all questions are', async () => {
    const [question = ''] = numbered(0, 20).filter((one) => rankOf(one) < 0.5);
    await expect(open([question], { share: 0.5 })).rejects.toThrow(/all of them are held out/);
  });
});

describe('boundaryBetween', () => {
  it('is above the first rank and not above the second', () => {
    const rank = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(rank, rank, (a, b) => {
        fc.pre(a !== b);
        const [last, next] = a < b ? [a, b] : [b, a];
        const boundary = boundaryBetween(last, next);
        expect(boundary > last && boundary <= next).toBe(true);
      }),
    );
    expect(boundaryBetween(0.0261, 0.0279)).toBe(0.027);
  });
});

describe('shuffled prompts', () => {
  const questions = numbered(0, 30);
  it('have another order in each pass and for each seed, and the same items', async () => {
    const [first = [], second = []] = await passesOf(await open(questions, 0, 7), 2);
    const [other = []] = await passesOf(await open(questions, 0, 8), 1);
    expect(new Set([first, second, other, questions].map(String)).size).toBe(4);
    for (const pass of [first, second, other]) expect([...pass].sort()).toEqual([...questions].sort());
    expect(await passesOf(await open(questions, 0, 7), 2)).toEqual([first, second]);
  });
  it('are the same from any position', async () => {
    const source = await open(questions, 5, 7);
    const whole = await positionsOf(source, 50);
    for (const [k, { position }] of whole.entries())
      if (k % 7 === 0) expect(await positionsOf(source, 50 - k, position)).toEqual(whole.slice(k));
  });
  it('tell of bad lines first, and once', async () => {
    const rows = [...questions.map((question) => JSON.stringify({ question })), 'broken'];
    writeFileSync(join(folder, 'p.jsonl'), rows.join('\n'));
    const source = await fileSource({ file: 'p.jsonl', heldOut: 0, shuffle: 1 }, folder);
    const [first = [], second = []] = await passesOf(source, 2);
    expect(first[0]).toBe('p.jsonl:31');
    expect(second).toHaveLength(30);
    expect(second).not.toContain('p.jsonl:31');
  });
});
