import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineSpec } from '../../src/pipelines/spec/spec.js';
import { openSource } from '../../src/sources/prompts.js';
import { isBad, type Positioned, type PromptSource } from '../../src/sources/source.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-source-'));
const specOf = (prompts: object) =>
  checkSpec({
    pipeline: 'p',
    steps: 1,
    model: { base: 'm' },
    prompts,
    rollout: { maxTokens: 8 },
    verify: { math: {} },
    shape: 'grpo',
    learn: { prompts: 1, lr: 1e-4 },
  });
const open = ({ prompts, seed }: PipelineSpec) => {
  if (!prompts || 'topic' in prompts) throw new Error('the spec has no prompts of a file or generator');
  return openSource({ prompts, seed, trains: false }, folder);
};
const fileOf = (lines: string[], heldOut = 0) => {
  writeFileSync(join(folder, 'p.jsonl'), lines.join('\n'));
  return open(specOf({ file: 'p.jsonl', heldOut }));
};
const bytesOf = (bytes: Uint8Array) => {
  writeFileSync(join(folder, 'p.jsonl'), bytes);
  return open(specOf({ file: 'p.jsonl', heldOut: 0 }));
};
/** The items and messages of one pass over a file of these lines and one more, which is fine. */
const readAll = async (...lines: string[]) => {
  const all = await take(await fileOf([...lines, line(99)]), lines.length);
  return all.map(({ found }) => (isBad(found) ? found.error.message : found));
};
const line = (id: number) => JSON.stringify({ id, question: `what is ${id}?`, answer: id });
const take = async (source: PromptSource, count: number, from = 0n) => {
  const taken: Positioned[] = [];
  for await (const positioned of source.from(from)) if (taken.push(positioned) === count) break;
  return taken;
};
const ids = (all: Positioned[]) =>
  all.map(({ found, pass }) => (isBad(found) ? found.source : `${found.itemId}/${pass}`));

describe('a file of prompts', () => {
  it('is read repeatedly', async () => {
    expect(ids(await take(await fileOf([line(1), line(2)]), 5))).toEqual(['1/0', '2/0', '1/1', '2/1', '1/2']);
  });
  it('returns the same prompts from any position', async () => {
    const source = await fileOf([line(1), '', line(2), 'broken', line(3)]);
    const whole = await take(source, 9);
    for (const [i, { position }] of whole.entries())
      expect(await take(source, 9 - i, position)).toEqual(whole.slice(i));
  });
  it('reports a bad line once, with its number, and continues', async () => {
    const source = await fileOf([line(1), '{"id": 2, "question": ', '{"id":3,"answer":"x"}', line(1), line(4)]);
    const first = await take(source, 5);
    expect(ids(first)).toEqual(['1/0', 'p.jsonl:2', 'p.jsonl:3', 'p.jsonl:4', '4/0']);
    const errors = first.flatMap(({ found }) => (isBad(found) ? [found.error.message] : []));
    expect(errors[0]).toMatch(/^p\.jsonl:2(:\d+)?: not JSON/);
    expect(errors[1]).toMatch(/^p\.jsonl:3: question: /);
    expect(errors[2]).toBe('p.jsonl:4: id: found 1 again, first at p.jsonl:1');
    expect(ids(await take(source, 7))).toEqual([...ids(first), '1/1', '4/1']);
  });
  it('does not quote the line in its errors', async () => {
    const [, bad] = await take(await fileOf([line(1), '{"id": 2, "trace": "SECRET"']), 2);
    expect(bad && isBad(bad.found) && bad.found.error.message).not.toContain('SECRET');
  });
  it('holds out the same items each time, and never trains on them', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => line(i));
    const source = await fileOf(lines, 10);
    const heldOut = new Set(source.heldOut.map(({ itemId }) => itemId));
    expect(heldOut.size).toBe(10);
    for (const { found } of await take(source, 30)) expect(isBad(found) || heldOut.has(found.itemId)).toBe(false);
    expect((await fileOf(lines, 10)).heldOut).toEqual(source.heldOut);
  });
  it('does not train on a held-out question under another id', async () => {
    const twice = Array.from({ length: 40 }, (_, i) => line(i).replace('"id":', '"id":1000').replace('is', ' is '));
    const source = await fileOf([...Array.from({ length: 40 }, (_, i) => line(i)), ...twice], 11);
    const heldOut = new Set(source.heldOut.map(({ question }) => question.replaceAll(/\s+/g, ' ')));
    expect([source.heldOut.length, heldOut.size]).toEqual([11, 11]);
    for (const { found } of await take(source, 58))
      expect(isBad(found) || heldOut.has(found.question.replaceAll(/\s+/g, ' '))).toBe(false);
    const same = (id: number) => JSON.stringify({ id, question: 'what?', answer: '1' });
    await expect(fileOf([same(1), same(2)], 1)).rejects.toThrow(/found 2 usable prompts in 2 lines/);
  });
  it('keeps the digits of numbers', async () => {
    const row = '{"id":9007199254740993,"question":"?","answer":12345678901234567890,"data":{"a":[1.50,1e400]}}';
    expect(await readAll(row, '{"id":-0,"question":"?","answer":2.50}')).toMatchObject([
      { itemId: '9007199254740993', answer: '12345678901234567890', data: '{"a":[1.50,1e400]}' },
      { itemId: '-0', answer: '2.50' },
    ]);
  });
  it('takes null for absent', async () => {
    expect(await readAll('{"id":null,"question":"?","answer":null,"trace":null,"data":null}')).toMatchObject([
      { itemId: expect.stringMatching(/^[0-9a-f]{16}$/), answer: '', trace: null, data: null },
    ]);
    expect(await readAll('{"id":"a","question":null}')).toEqual([
      'p.jsonl:1: question: found nothing, expected a string',
    ]);
  });
  it('gives a line without an id one that follows from its content', async () => {
    const rows = [1, 2, 3].map((n) => JSON.stringify({ question: `${n}?`, answer: String(n) }));
    const ids = async (...lines: string[]) =>
      (await readAll(...lines)).map((found) => (typeof found === 'string' ? found : found.itemId));
    const [first, second, third] = await ids(...rows);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await ids(...rows.reverse())).toEqual([third, second, first]);
    const [, again] = await ids('{"question":"?"}', '{"question":"?","answer":null}');
    expect(again).toMatch(/^p\.jsonl:2: id: found [0-9a-f]{16} again, first at p.jsonl:1$/);
  });
  it.each([
    ['answr: unknown field; did you mean answer?', '{"id":1,"question":"?","answr":"x"}'],
    ['Answer: unknown field; did you mean answer?', '{"id":1,"question":"?","Answer":5}'],
    ['tarce: unknown field; did you mean trace?', '{"id":1,"question":"?","tarce":"x"}'],
    ['ID: unknown field; did you mean id?', '{"ID":1,"question":"?"}'],
    ['dta: unknown field; did you mean data?', '{"id":1,"question":"?","dta":{}}'],
    ['qestion: unknown field; did you mean question?', '{"id":1,"qestion":"?"}'],
    ['id: found an object, expected a string or a number', '{"id":{},"question":"?"}'],
    ['id: found an empty string, expected some text', '{"id":"","question":"?"}'],
    ['question: found no message of the user, expected one', '{"id":1,"question":[]}'],
    ['answer: found a boolean, expected a string or a number', '{"id":1,"question":"?","answer":true}'],
    [
      'level: found 65 characters, expected a number or a text of up to 64',
      `{"id":1,"question":"?","level":"${'x'.repeat(65)}"}`,
    ],
    ['trace: found a number, expected a string', '{"id":1,"question":"?","trace":1.50}'],
    ['question: found half of a surrogate pair, expected text that UTF-8 can express', '{"id":1,"question":"\\ud83d"}'],
    ['found a list, expected an object', '[1]'],
    ['found a number, expected an object', '1.50'],
    ['data: cannot be written as JSON', `{"id":1,"question":"?","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('reports: %s', async (message, row) => {
    expect(await readAll(row)).toEqual([expect.stringContaining(`p.jsonl:1: ${message}`)]);
  });
  it('leaves other fields alone', async () => {
    const others = { task: 'sums', level: 5, date: 'today', metadata: {}, rating: 1, idx: 3, track: null };
    expect(await readAll(JSON.stringify({ id: 'a', question: '?', ...others }))).toMatchObject([{ itemId: 'a' }]);
    expect(await readAll('{"id":"a","question":"?","answer":"1","answers":"2"}')).toMatchObject([{ answer: '1' }]);
  });
  it('tells of a line that is not UTF-8, and reads the others', async () => {
    const bytes = Buffer.from(`{"id":"a","question":"caf\xe9"}\n${line(1)}\n`, 'latin1');
    const [bad, good] = await take(await bytesOf(bytes), 2);
    expect(bad?.found).toMatchObject({
      error: { message: 'p.jsonl:1: found bytes that are not UTF-8, expected UTF-8' },
    });
    expect(good?.found).toMatchObject({ itemId: '1' });
    await expect(bytesOf(bytes.subarray(0, bytes.indexOf('\n')))).rejects.toThrow(/p\.jsonl:1: found bytes that/);
  });
  it('reads lines that contain other line separators', async () => {
    expect(await readAll('{"id":"a","question":"1 +\u2028 1\u0085 ="}')).toMatchObject([
      { question: '1 +\u2028 1\u0085 =' },
    ]);
  });
  it('may start with a byte order mark', async () => {
    expect(ids(await take(await fileOf([`\uFEFF${line(1)}`]), 1))).toEqual(['1/0']);
  });
  it('must contain more prompts than are held out', async () => {
    await expect(fileOf([line(1)], 1)).rejects.toThrow(
      /found 1 usable prompt in 1 line, expected more than prompts.heldOut \(1\)/,
    );
    await expect(open(specOf({ file: 'none.jsonl' }))).rejects.toThrow(/none\.jsonl: no such file/);
  });
});

describe('the generator', () => {
  it('never trains on a held-out question', async () => {
    const source = await open(specOf({ generate: 'chain-sum', heldOut: 64 }));
    const heldOut = new Set(source.heldOut.map(({ question }) => question));
    for (const { found } of await take(source, 500)) expect(isBad(found) || heldOut.has(found.question)).toBe(false);
  });
});
