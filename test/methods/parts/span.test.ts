import fc from 'fast-check';
import { expect, it } from 'vitest';
import { spanBetween } from '../../../src/methods/parts/span.js';

const words = ['', 'a', 'bc', '<', '>', '<t>', '</t>', ' '];
const decode = (tokens: Int32Array) => Array.from(tokens, (id) => words[id] ?? '').join('');
const tokensOf = (...texts: string[]) => Int32Array.from(texts, (text) => words.indexOf(text));

it('a span lies between its markers', () => {
  const spanned = (...texts: string[]) => [...spanBetween(tokensOf(...texts), decode, ['<t>', '</t>'])];
  expect(spanned('a', '<t>', 'bc', ' ', '</t>', 'a', '')).toEqual([0, 0, 1, 1, 0, 0, 0]);
  expect(spanned('a', '<t>', 'bc', ' ', '')).toEqual([0, 0, 1, 1, 0]);
  expect(spanned('</t>', 'bc', '')).toEqual([0, 0, 0]);
});

it('a span holds the tokens whose text begins in it', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: words.length - 1 }), { maxLength: 24 });
  fc.assert(
    fc.property(tokens, (ids) => {
      const text = decode(Int32Array.from(ids));
      const at = text.indexOf('<t>');
      const begin = at < 0 ? text.length : at + 3;
      const end = text.indexOf('</t>', begin);
      const expected = ids.map((_, t) => {
        const before = decode(Int32Array.from(ids.slice(0, t))).length;
        return Number(before >= begin && before < (end < 0 ? text.length : end));
      });
      expect([...spanBetween(Int32Array.from(ids), decode, ['<t>', '</t>'])]).toEqual(expected);
    }),
  );
});
