import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../support/errors.js';
import { fileHash } from './file-hash.js';
import { type Generate, type GeneratorOptions, generatorSource } from './generator.js';
import type { PromptSource } from './source.js';

const isGenerate = (value: unknown): value is Generate => typeof value === 'function';

/**
 * The prompts of a user's own generator: a module whose default export makes the prompt at a position.
 * @throws {UserError} `bad-generator` when the module cannot be loaded or exports something else; `bad-prompt`
 * @example
 * // squares.mjs
 * export default ({ index, heldOut }) => {
 *   const n = 2 * index + (heldOut ? 1 : 0);
 *   return { question: `What is ${n} squared?`, answer: n * n };
 * };
 */
export async function moduleSource(file: string, options: GeneratorOptions): Promise<PromptSource> {
  let exports: { readonly default?: unknown };
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-generator', `prompts.module: ${file}: cannot be loaded: ${reason}`);
  }
  const generate = exports.default;
  if (!isGenerate(generate)) {
    const found = generate === undefined ? 'no default export' : `a default export of type ${typeof generate}`;
    throw new UserError(
      'bad-generator',
      `prompts.module: ${file}: found ${found}, expected a function of { seed, index, heldOut } that returns ` +
        '{ question, answer }',
    );
  }
  return generatorSource({ name: basename(file, extname(file)), generate }, await fileHash(file), options);
}
