import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeTokenizer } from '../../src/models/bpe.js';

const words = [
  'the',
  'he',
  'abab',
  'answer',
  'ans',
  '+',
  '=',
  '\n',
  'größe',
  ...Array.from({ length: 120 }, (_, n) => String(n)),
];
const made = makeTokenizer(words);
const tokenizer = new Tokenizer(
  JSON.parse(made.files['tokenizer.json']),
  JSON.parse(made.files['tokenizer_config.json']),
);
const encode = (text: string): number[] => tokenizer.encode(text).ids;

describe('makeTokenizer', () => {
  it.each(words)('makes %j one token, alone and after a space', (word) => {
    expect(encode(word)).toHaveLength(1);
    if (word !== '\n') expect(encode(` ${word}`)).toHaveLength(1);
  });

  it('spells a sum in whole numbers', () => {
    expect(encode('12 + 7 =119').map((id) => tokenizer.decode([id]))).toEqual(['12', ' +', ' 7', ' =', '119']);
  });

  it('round-trips any text, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(!text.includes('<|'));
        const ids = encode(text);
        expect(Math.max(...ids)).toBeLessThan(made.vocabSize);
        expect(tokenizer.decode(ids, { clean_up_tokenization_spaces: false })).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('produces the same files each time, and ids without gaps', () => {
    expect(makeTokenizer(words)).toEqual(made);
    const ids = [...tokenizer.get_vocab(true).values()].sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: made.vocabSize }, (_, i) => i));
  });

  it('rejects a word that the pre-tokenizer splits', () => {
    expect(() => makeTokenizer(['ab12'])).toThrow(/splits "ab12"/);
  });
});
