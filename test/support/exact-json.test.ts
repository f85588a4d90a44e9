import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, parseExact, stringifyExact } from '../../src/support/exact-json.js';

const digits = (text: string) => parseExact(text, { keep: 'digits' });

const number = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/);
const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    number,
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.string({ unit: fc.constantFrom('\uE000', '"', '\\', '1', ':', '.') }).map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null'),
    fc.array(tie('tree'), { maxLength: 4 }).map((items) => `[${items.join()}]`),
    fc
      .uniqueArray(fc.tuple(fc.string({ unit: fc.constantFrom('\uE000', 'a', '"', '1') }), tie('tree')), {
        maxLength: 4,
        selector: ([name]) => name,
      })
      // JavaScript sorts names that are whole numbers.
      .map((entries) => `{${entries.map(([name, value]) => `${JSON.stringify(`k${name}`)}:${value}`).join()}}`),
  ),
}));

describe('JSON with the digits of its numbers', () => {
  it.each(['1.50', '1e3', '1E+3', '-0', '-0.0', '0.0000001', '9007199254740993', '123456789012345678901234567890'])(
    '%s',
    (text) => {
      expect(digits(text)).toEqual(new ExactNumber(text));
      expect(digits(`{"a":[${text}]}`)).toEqual({ a: [new ExactNumber(text)] });
    },
  );
  it.each(['0', '-1', '1.5', '9007199254740991', '1e+21'])('%s is a plain number', (text) => {
    expect(digits(text)).toBe(Number(text));
  });
  it('is written as it was read', () => {
    fc.assert(
      fc.property(tree, (text) => {
        expect(stringifyExact(digits(text))).toBe(text);
        expect(JSON.stringify(JSON.parse(stringifyExact(parseExact(text))))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });
  it('refuses what is not JSON', () => {
    const junk = fc.string({ unit: fc.constantFrom(...'0123.-+eE"[]{},: \\NaI') });
    const accepts = (parse: (text: string) => unknown) => (text: string) => {
      try {
        parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(junk, (text) => {
        expect(accepts(digits)(text)).toBe(accepts(JSON.parse)(text));
      }),
      { numRuns: 1000 },
    );
    for (const text of ['01.50', '{"a":007}', '[1.50 1.50]', '1.50.', '"a" 1.50'])
      expect(() => digits(text)).toThrow(SyntaxError);
  });
  it('takes long strings in reasonable time', () => {
    const text = JSON.stringify({ a: '\\"x'.repeat(300_000), b: 1 }).replace('1}', '1.50}');
    expect(stringifyExact(digits(text))).toBe(text);
  });
});
