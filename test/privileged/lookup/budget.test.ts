import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitContext } from '../../../src/privileged/lookup/budget.js';
import type { PrivilegedPiece } from '../../../src/privileged/store.js';

const words = (text: string): number => text.match(/\S+\s*/g)?.length ?? 0;
const piece = (content: string, start = 0): PrivilegedPiece => ({
  id: 'd',
  version: 'v',
  start,
  end: start + content.length,
  truncated: false,
  kind: 'document',
  title: '',
  content,
});

describe('fitContext', () => {
  it('cuts the piece that exceeds the budget at its end and records the span that is left of each piece', () => {
    const { pieces } = fitContext(
      { pieces: [piece('one two'), piece('three four five', 100), piece('six', 7)] },
      4,
      words,
    );
    expect(pieces.map(({ content, start, end, truncated }) => ({ content, start, end, truncated }))).toEqual([
      { content: 'one two', start: 0, end: 7, truncated: false },
      { content: 'three four ', start: 100, end: 111, truncated: true },
      { content: '', start: 7, end: 7, truncated: true },
    ]);
  });

  it('keeps everything that fits, and accepts an empty context', () => {
    const context = { pieces: [piece('a b c')] };
    expect(fitContext(context, 3, words).pieces[0]).toBe(context.pieces[0]);
    expect(fitContext(context, 0, words).pieces[0]).toMatchObject({ content: '', end: 0, truncated: true });
    expect(() => fitContext(context, -1, words)).toThrow(RangeError);
  });

  it('never exceeds the budget, keeps every piece, and leaves a prefix of each', () => {
    const counters = [words, (text: string) => text.length, (text: string) => Buffer.byteLength(text)];
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 60 })),
        fc.nat(100),
        fc.constantFrom(...counters),
        (contents, budget, count) => {
          const before = contents.map((content, k) => piece(content, k));
          const { pieces } = fitContext({ pieces: before }, budget, count);
          expect(pieces).toHaveLength(before.length);
          expect(pieces.reduce((sum, { content }) => sum + count(content), 0)).toBeLessThanOrEqual(budget);
          pieces.forEach((after, k) => {
            expect(before[k]?.content.startsWith(after.content)).toBe(true);
            expect(after.end - after.start).toBe(after.content.length);
            expect(after.truncated).toBe(after.content !== before[k]?.content);
            expect(Buffer.from(after.content).toString()).toBe(after.content);
          });
        },
      ),
    );
  });
});
