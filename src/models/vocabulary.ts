import { join } from 'node:path';
import { UserError } from '../support/errors.js';
import { readJson } from './json-file.js';

/**
 * The first id at which the tokenizers of two folders differ, with the token of each; undefined where they are the
 * same. Models whose token ids mean the same can score each other's completions.
 * @throws {UserError} `bad-tokenizer` where a tokenizer.json has no vocabulary
 */
export function firstDifferentToken(
  one: string,
  other: string,
): { readonly id: number; readonly tokens: readonly [string | undefined, string | undefined] } | undefined {
  const [a, b] = [tokensById(one), tokensById(other)];
  const ids = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y);
  const id = ids.find((candidate) => a.get(candidate) !== b.get(candidate));
  return id === undefined ? undefined : { id, tokens: [a.get(id), b.get(id)] };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

function tokensById(folder: string): ReadonlyMap<number, string> {
  const file = join(folder, 'tokenizer.json');
  const { model, added_tokens: added } = readJson(file);
  const vocabulary = (model as { readonly vocab?: unknown } | undefined)?.vocab;
  if (typeof vocabulary !== 'object' || vocabulary === null)
    throw new UserError('bad-tokenizer', `${file}: model.vocab: found ${JSON.stringify(vocabulary)}, expected a table`);
  // Unigram models list [token, score] in the order of their ids.
  const pairs = Array.isArray(vocabulary)
    ? vocabulary.map((entry: unknown, id) => [id, String((entry as readonly unknown[])[0])] as const)
    : Object.entries(vocabulary as Record<string, number>).map(([token, id]) => [id, token] as const);
  const specials = Array.isArray(added) ? (added as readonly AddedToken[]) : [];
  return new Map([...pairs, ...specials.map(({ id, content }) => [id, content] as const)]);
}
