import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Generate, generatorSource } from '../../src/sources/generator.js';
import { openSource } from '../../src/sources/prompts.js';
import { generators } from '../../src/sources/registry.js';
import { isBad, type Positioned, type PromptSource } from '../../src/sources/source.js';

const take = async (source: PromptSource, count: number, from = 0n) => {
  const taken: Positioned[] = [];
  for await (const positioned of source.from(from)) if (taken.push(positioned) === count) break;
  return taken;
};
const source = (generate: Generate, heldOut = 0) =>
  generatorSource({ name: 'own', generate }, 'h', { seed: 7, heldOut });

describe('a generator', () => {
  it('returns the same prompts from any position', async () => {
    const numbers = source(({ seed, index }) => ({ question: `${seed + index}?`, answer: index }));
    const whole = await take(numbers, 6);
    expect(whole.map(({ found }) => !isBad(found) && found.question)).toEqual(['7?', '8?', '9?', '10?', '11?', '12?']);
    for (const [k, { position }] of whole.entries())
      expect(await take(numbers, 6 - k, position)).toEqual(whole.slice(k));
  });

  it('never gives the questions of a held-out file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rlsd-held-out-'));
    writeFileSync(join(folder, 'test.jsonl'), '{"id":"a","question":"1 ?","answer":1}\n');
    writeFileSync(
      join(folder, 'own.mjs'),
      "export default ({ index }) => ({ question: index + ' ?', answer: index });",
    );
    const held = await openSource(
      { prompts: { module: 'own.mjs', heldOut: { file: 'test.jsonl' } }, seed: 7, trains: true },
      folder,
    );
    expect(held.heldOut).toMatchObject([{ itemId: 'a', answer: '1' }]);
    const questions = (await take(held, 3)).map(({ found }) => !isBad(found) && found.question);
    expect(questions).toEqual(['0 ?', '2 ?', '3 ?']);
    const open = await openSource({ prompts: { module: 'own.mjs', heldOut: 0 }, seed: 7, trains: true }, folder);
    expect(held.hash).not.toBe(open.hash);
    rmSync(folder, { recursive: true });
  });

  it('gets defaults for omitted fields', async () => {
    const [first] = await take(
      source(() => ({ question: 'why?' })),
      1,
    );
    expect(first?.found).toEqual({
      itemId: 'own-7-train-0',
      question: 'why?',
      answer: '',
      data: null,
      trace: null,
      source: 'own',
    });
  });

  it('never trains on a held-out question', async () => {
    const modulo = source(({ index }) => ({ question: `${index % 5}?`, answer: '' }), 2);
    expect(modulo.heldOut.map(({ question }) => question)).toEqual(['0?', '1?']);
    const questions = (await take(modulo, 6)).map(({ found }) => !isBad(found) && found.question);
    expect(questions).toEqual(['2?', '3?', '4?', '2?', '3?', '4?']);
    const one = source(() => ({ question: 'the only one?' }), 1);
    await expect(take(one, 1)).rejects.toMatchObject({ code: 'no-prompts' });
  });

  it('turns an invalid prompt into a bad item that names its position, and continues', async () => {
    const some = source(({ index }) => {
      if (index === 1) throw new Error('out of ideas');
      return index === 2 ? { question: '' } : { question: `${index}?` };
    });
    const found = (await take(some, 4)).map((one) => (isBad(one.found) ? one.found.error.message : one.found.question));
    expect(found[0]).toBe('0?');
    expect(found[1]).toBe('own: prompt 1: out of ideas');
    expect(found[2]).toMatch(/^own: prompt 2: question: /);
    expect(found[3]).toBe('3?');
  });

  it.each(Object.values(generators))('$name: its streams share no question', async (generator) => {
    const registered = generatorSource(generator, generator.name, { seed: 1, heldOut: 64 });
    const heldOut = new Set(registered.heldOut.map(({ question }) => question));
    const trained = Array.from({ length: 500 }, (_, index) => generator.generate({ seed: 1, index, heldOut: false }));
    expect(trained.filter(({ question }) => heldOut.has(question))).toEqual([]);
  });
});

describe('a generator of one file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-generator-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const open = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return openSource({ prompts: { module: name, heldOut: 1 }, seed: 7, trains: true }, folder);
  };

  it('is named after its file and hashed by its content', async () => {
    const text = "export default ({ index, heldOut }) => ({ question: heldOut + ' ' + index + '?', answer: index });";
    const first = await open('a.mjs', text);
    expect(first.heldOut[0]).toMatchObject({ itemId: 'a-7-held-out-0', question: 'true 0?', answer: '0' });
    expect((await open('b.mjs', text)).hash).toBe(first.hash);
    expect((await open('c.mjs', `${text}\n`)).hash).not.toBe(first.hash);
  });

  it.each([
    ['syntax.mjs', 'export default (', 'cannot be loaded'],
    ['missing.mjs', 'export const generate = () => ({});', 'found no default export, expected a function'],
    ['object.mjs', 'export default {};', 'found a default export of type object'],
  ])('reports %s', async (name, text, message) => {
    await expect(open(name, text)).rejects.toMatchObject({
      code: 'bad-generator',
      message: expect.stringContaining(message),
    });
  });

  it('reports an invalid held-out prompt', async () => {
    await expect(open('bad.mjs', 'export default () => ({});')).rejects.toMatchObject({
      code: 'bad-prompt',
      message: expect.stringMatching(/^bad: prompt 0: question: /),
    });
  });
});
