import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import type { ModelFolder } from '../../src/models/folder.js';
import { newModel } from '../../src/supervise/new-model.js';

const settings = { hiddenSize: 16, layers: 1, heads: 2, contextLength: 48 };

const jsonOf = ({ files }: ModelFolder, name: string) => JSON.parse(Buffer.from(files.get(name) ?? '').toString());

function tokensOf(model: ModelFolder, text: string): string[] {
  const tokenizer = new Tokenizer(jsonOf(model, 'tokenizer.json'), jsonOf(model, 'tokenizer_config.json'));
  return tokenizer.encode(text).tokens.map((token: string) => token.replace('Ġ', ' '));
}

it('words and numbers that are named have one token each', () => {
  const model = newModel({ ...settings, words: 'Question is', numbers: 13 }, 1, []);
  expect(tokensOf(model, 'Question is 12 or')).toEqual(['Question', ' is', ' 12', ' ', 'o', 'r']);
});

it('so have the words of texts, split as the tokenizer splits them, the most frequent first', () => {
  const model = newModel(settings, 1, ["f(x) isn't 10", 'x x']);
  expect(tokensOf(model, "f(x) isn't 10")).toEqual(['f', '(', 'x', ')', ' isn', "'t", ' 10']);
  const { vocab } = jsonOf(model, 'tokenizer.json').model;
  expect(vocab['Ġx']).toBe(256);
});

it('the end token is the one that ends a completion, and the size of the MLP follows from the width', () => {
  const model = newModel({ ...settings, hiddenSize: 128, heads: 4 }, 1, ['x']);
  const [eos] = jsonOf(model, 'tokenizer.json').added_tokens;
  expect(jsonOf(model, 'config.json')).toMatchObject({ eos_token_id: eos.id, intermediate_size: 352 });
  expect(eos.content).toBe('<|endoftext|>');
});

it('a word that cannot be one token is refused', () => {
  expect(() => newModel({ ...settings, words: ['ab12'] }, 1, [])).toThrow(
    /model\.words: the pre-tokenizer splits "ab12"/,
  );
});
