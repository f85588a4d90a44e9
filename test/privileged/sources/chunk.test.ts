import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TextShape } from '../../../src/privileged/formats/extracted.js';
import { chunkText } from '../../../src/privileged/sources/chunk.js';

const pieces = (text: string, shape: TextShape, maxCharacters: number, overlap = 0) =>
  chunkText(text, shape, { maxCharacters, overlap }).map(({ start, end }) => text.slice(start, end));

describe('chunkText', () => {
  it('divides Markdown before headings', () => {
    const text = '# One\nalpha beta\n\n# Two\ngamma delta\n\n# Three\nepsilon\n';
    expect(pieces(text, 'headings', 30)).toEqual([
      '# One\nalpha beta\n\n',
      '# Two\ngamma delta\n\n',
      '# Three\nepsilon\n',
    ]);
  });

  it('divides code between top-level definitions, not inside them', () => {
    const text = 'function a() {\n  one();\n\n  two();\n}\n\nfunction b() {\n  three();\n}\n';
    expect(pieces(text, 'code', 45)).toEqual([
      'function a() {\n  one();\n\n  two();\n}\n\n',
      'function b() {\n  three();\n}\n',
    ]);
  });

  it('divides tables at lines and prose at paragraphs, then sentences', () => {
    expect(pieces('1,one\n2,two\n3,three\n4,four\n', 'lines', 20)).toEqual(['1,one\n2,two\n3,three\n', '4,four\n']);
    expect(pieces('A first one. A second one. Third.', 'paragraphs', 16)).toEqual([
      'A first one. ',
      'A second one. ',
      'Third.',
    ]);
  });

  it('repeats the end of a chunk at the start of the next, given an overlap', () => {
    const spans = chunkText('x'.repeat(50), 'paragraphs', { maxCharacters: 20, overlap: 5 });
    expect(spans).toEqual([
      { start: 0, end: 15 },
      { start: 10, end: 30 },
      { start: 25, end: 45 },
      { start: 40, end: 50 },
    ]);
  });

  it('refuses options out of range', () => {
    expect(() => pieces('x', 'lines', 15)).toThrow(RangeError);
    expect(() => pieces('x', 'lines', 20, 10)).toThrow(RangeError);
    expect(() => pieces('x', 'lines', 20, -1)).toThrow(RangeError);
  });

  it('covers the text in order, within the limit, deterministically, and never splits a surrogate pair', () => {
    const text = fc
      .array(
        fc.oneof(
          fc.constantFrom('\n', '\n\n', '\n# ', ' ', '. ', '😀', 'function f', '}'),
          fc.string({ unit: 'grapheme', maxLength: 12 }),
        ),
        { maxLength: 60 },
      )
      .map((parts) => parts.join(''));
    const shape = fc.constantFrom<TextShape>('headings', 'code', 'lines', 'paragraphs');
    fc.assert(
      fc.property(text, shape, fc.integer({ min: 16, max: 60 }), fc.nat(7), (content, kind, maxCharacters, overlap) => {
        const spans = chunkText(content, kind, { maxCharacters, overlap });
        let covered = 0;
        for (const { start, end } of spans) {
          expect(start).toBeLessThanOrEqual(covered);
          expect(start).toBeGreaterThanOrEqual(covered - overlap - 1);
          expect(end).toBeGreaterThan(covered);
          expect(end - start).toBeLessThanOrEqual(maxCharacters + 1);
          covered = end;
          const chunk = content.slice(start, end);
          if (Buffer.from(content).toString() === content) expect(Buffer.from(chunk).toString()).toBe(chunk);
        }
        expect(covered).toBe(content.length);
        expect(chunkText(content, kind, { maxCharacters, overlap })).toEqual(spans);
      }),
      { numRuns: 400 },
    );
  });

  it('splits millions of lines or words in time and memory proportional to the text', () => {
    for (const piece of ['\n', ' ', '# ', 'a\n', '. ', '\n\n}'])
      for (const shape of ['headings', 'code'] as const)
        chunkText(piece.repeat(400_000 / piece.length), shape, { maxCharacters: 1200, overlap: 0 });
  });
});
