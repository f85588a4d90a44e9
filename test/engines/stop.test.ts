import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopCheck, stopIndex, textBeforeStop } from '../../src/engines/stop.js';

/** Token n stands for character n of the alphabet; token 0 is special and decodes to nothing. */
const alphabet = ['', 'a', 'b', 'ab', 'ba', ' '];
let decoded = 0;
const tokenizer = {
  decode: (tokens: Int32Array) => {
    decoded += tokens.length;
    return Array.from(tokens, (id) => alphabet[id] ?? '').join('');
  },
};

describe('stop strings', () => {
  it('see special tokens, which the text before them leaves out', () => {
    const names = ['<eos>', 'a', 'b', '<user>'];
    const withSpecials = {
      decode: (ids: Int32Array, { skipSpecial = true } = {}) =>
        Array.from(ids, (id) => (skipSpecial && (id === 0 || id === 3) ? '' : (names[id] ?? ''))).join(''),
    };
    expect(createStopCheck(withSpecials, ['<user>'])([1, 0, 3])).toBe(true);
    const text = (ids: number[], stop: string[]) => textBeforeStop(Int32Array.from(ids), withSpecials, stop);
    expect(text([1, 0, 2, 3, 1], ['<user>'])).toBe('ab');
    expect(text([1, 2, 1, 2], ['ba'])).toBe('a');
    expect(text([1, 0, 2], ['<user>'])).toBe('ab');
    expect(text([1, 0, 2], ['<eos>b'])).toBe('a');
  });

  it('finds the first of several', () => {
    expect(stopIndex('one two three', ['three', 'two', 'four'])).toBe(4);
    expect(stopIndex('one', ['two'])).toBe(-1);
    expect(stopIndex('one', [])).toBe(-1);
  });

  it('stops at the token that completes one, like a search of the whole text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 120 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ' '), minLength: 1, maxLength: 6 }), { maxLength: 3 }),
        (tokens, stops) => {
          const check = createStopCheck(tokenizer, stops);
          for (let n = 1; n <= tokens.length; n++) {
            const whole = stopIndex(tokenizer.decode(Int32Array.from(tokens.slice(0, n))), stops) >= 0;
            expect(check(tokens.slice(0, n))).toBe(whole);
            if (whole) return;
          }
        },
      ),
    );
  });

  it('does not decode a long completion repeatedly', () => {
    const check = createStopCheck(tokenizer, ['never']);
    const tokens = new Array<number>(3000).fill(1);
    decoded = 0;
    for (let n = 1; n <= tokens.length; n++) check(tokens.slice(0, n));
    expect(decoded).toBeLessThan(tokens.length * 50);
  });
});
