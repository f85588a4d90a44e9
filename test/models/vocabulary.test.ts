import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { firstDifferentToken } from '../../src/models/vocabulary.js';
import { tinyFolder } from '../runs/tiny-run.js';

it('names the first token that differs', () => {
  const base = tinyFolder();
  const [one, other] = [join(base, 'model'), join(base, 'other')];
  cpSync(one, other, { recursive: true });
  expect(firstDifferentToken(one, other)).toBeUndefined();
  const file = join(other, 'tokenizer.json');
  const tokenizer = JSON.parse(readFileSync(file, 'utf8'));
  const [token, id] = Object.entries<number>(tokenizer.model.vocab)
    .sort(([, a], [, b]) => a - b)
    .at(-1) ?? ['', 0];
  delete tokenizer.model.vocab[token];
  tokenizer.model.vocab['<other>'] = id;
  writeFileSync(file, JSON.stringify(tokenizer));
  expect(firstDifferentToken(one, other)).toEqual({ id, tokens: [token, '<other>'] });
  tokenizer.model.vocab = [['<other>', 0]];
  writeFileSync(file, JSON.stringify(tokenizer));
  expect(firstDifferentToken(one, other)?.tokens[1]).toBe('<other>');
  writeFileSync(file, '{}');
  expect(() => firstDifferentToken(one, other)).toThrow(
    /tokenizer.json: model.vocab: found undefined, expected a table/,
  );
});
