import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { firstErrorOf } from '../../../src/sources/tasks/first-error.js';

const examples = join(import.meta.dirname, '../../../examples');
const QUESTION = 'State the final answer to the following arithmetic problem: 4 + 3 - 9 =';

/** The text from the first error on. */
const fromError = async (prompts: Parameters<typeof firstErrorOf>[0], question: string, completion: string) => {
  const firstError = await firstErrorOf(prompts, examples);
  const index = firstError?.({ question, completion });
  return typeof index === 'number' ? completion.slice(index) : index;
};

it.each([
  ['4 + 3 = 7 ; 7 - 9 = -2 ; the answer is -2', null],
  ['4 + 3 = 8 ; 8 - 9 = -1 ; the answer is -1', '8 ; 8 - 9 = -1 ; the answer is -1'],
  ['4 + 3 = 7 ; 6 - 9 = -3 ; the answer is -3', '6 - 9 = -3 ; the answer is -3'],
  ['4 + 3 = 7 ; 7 - 9 = -2 ; the answer is 2', '2'],
  ['4 + 2 = 6', null],
  ['I do not know', null],
])('a worked sum: %s', async (completion, expected) =>
  expect(await fromError({ generate: 'chain-sum', heldOut: 0 }, QUESTION, completion)).toBe(expected),
);

it.each([
  ['so a 7 then b 9 answer 9', null],
  ['so a 6 then b 8 answer 8', '6 then b 8 answer 8'],
  ['so a 7 then b 9 answer 8', '8'],
])('a chain of examples/prompts/chain.mjs: %s', async (completion, expected) =>
  expect(await fromError({ module: 'prompts/chain.mjs', heldOut: 0 }, 'chain 3 4 2', completion)).toBe(expected),
);

it('names a module whose firstError is wrong; a file of prompts has none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-first-error-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const module = async (name: string, source: string) => {
    writeFileSync(join(folder, name), `export default () => ({});\n${source}`);
    return firstErrorOf({ module: name, heldOut: 0 }, folder);
  };
  await expect(module('a.mjs', 'export const firstError = 1;')).rejects.toThrow(
    /prompts.module: .*a.mjs: firstError: found number, expected a function/,
  );
  const beyond = await module('b.mjs', 'export const firstError = () => 9;');
  expect(() => beyond?.({ question: 'q', completion: 'abc' })).toThrow(/returned 9, expected null or an index/);
  const thrower = await module('c.mjs', "export const firstError = () => { throw new Error('no luck'); };");
  expect(() => thrower?.({ question: 'q', completion: 'abc' })).toThrow(/c.mjs: firstError: no luck/);
  expect(await module('d.mjs', '')).toBeUndefined();
  expect(await firstErrorOf({ file: 'x.jsonl', heldOut: 0 }, folder)).toBeUndefined();
});
