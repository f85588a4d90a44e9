import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/models/folder.js';
import { tokenTexts } from '../../src/models/token-texts.js';
import { readTokenizer } from '../../src/models/tokenizer.js';
import { tinyModel } from './tiny-model.js';

it('texts of tokens make up the decoded text, whatever the tokens', () => {
  const folder = tinyModel();
  const { vocabSize } = readConfig(folder);
  const tokenizer = readTokenizer(folder, vocabSize);
  const ids = fc.array(fc.integer({ min: 0, max: vocabSize - 1 }), { maxLength: 24 });
  const words = fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => [...tokenizer.encodePlain(text)]);
  fc.assert(
    fc.property(fc.oneof(words, ids), (list) => {
      const tokens = Int32Array.from(list);
      const texts = tokenTexts(tokenizer, tokens);
      expect(texts).toHaveLength(tokens.length);
      // Bytes that are no UTF-8 may be replaced one by one or together.
      const plain = (text: string) => text.replaceAll('\uFFFD', '');
      expect(plain(texts.join(''))).toBe(plain(tokenizer.decode(tokens, { skipSpecial: false })));
    }),
  );
});
