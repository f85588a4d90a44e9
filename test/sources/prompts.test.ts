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
  if (!prompts) throw new Error('the spec has no prompts');
  return openSource({ prompts, seed }, folder);
};
const fileOf = (lines: string[], heldOut = 0) => {
  writeFileSync(join(folder, 'p.jsonl'), lines.join('\n'));
  return open(specOf({ file: 'p.jsonl', heldOut }));
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
    expect(errors[2]).toBe('p.jsonl:4: id: found 1 again, first on line 1');
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
    const twice = Array.from({ length: 40 }, (_, i) => line(i).replace('"id":', '"id":1000'));
    const source = await fileOf([...Array.from({ length: 40 }, (_, i) => line(i)), ...twice], 11);
    const heldOut = new Set(source.heldOut.map(({ question }) => question));
    expect([source.heldOut.length, heldOut.size]).toEqual([11, 6]);
    for (const { found } of await take(source, 68)) expect(isBad(found) || heldOut.has(found.question)).toBe(false);
    const same = (id: number) => JSON.stringify({ id, question: 'what?', answer: '1' });
    await expect(fileOf([same(1), same(2)], 1)).rejects.toThrow(/every question is held out/);
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
