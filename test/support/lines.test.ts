import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasLoneSurrogate, type Line, linesOf } from '../../src/support/lines.js';

async function* arriving(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
async function read(chunks: readonly Uint8Array[], longest?: number): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(arriving(chunks), longest)) lines.push(line);
  return lines;
}
const texts = async (text: string) => (await read([Buffer.from(text)])).map((line) => line.text);

describe('linesOf', () => {
  it('ends a line at \\n and \\r\\n and nowhere else', async () => {
    expect(await texts('a\u2028b\nc\u2029\u0085d\r\ne\rf\v\f\n\ng')).toEqual([
      'a\u2028b',
      'c\u2029\u0085d',
      'e\rf\v\f',
      '',
      'g',
    ]);
  });

  it('leaves out a byte order mark at the start only', async () => {
    expect(await texts('\uFEFFa\n\uFEFFb')).toEqual(['a', '\uFEFFb']);
  });

  it('gives the same lines however the bytes are cut', async () => {
    const line = fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.replaceAll(/[\n\r\uFEFF]/g, ''));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.array(fc.nat(40)), async (lines, cuts) => {
        const bytes = Buffer.from(`${lines.join('\n')}\n`);
        const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect((await read(chunks)).map(({ text }) => text)).toEqual(lines);
      }),
    );
  });

  it('tells of a line that is not UTF-8, and reads the others', async () => {
    const bytes = Buffer.concat([Buffer.from('a\ncaf'), Buffer.from([0xe9]), Buffer.from('\nb')]);
    expect(await read([bytes])).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: undefined, problem: 'found bytes that are not UTF-8, expected UTF-8' },
      { number: 3, text: 'b' },
    ]);
    expect(await read([Buffer.from('\uFEFFa', 'utf16le')])).toMatchObject([
      { problem: 'found UTF-16, expected UTF-8' },
    ]);
  });

  it('tells of a line that is too long, in bounded memory', async () => {
    const long = Array.from({ length: 50 }, () => Buffer.alloc(10, 'x'));
    expect(await read([...long, Buffer.from('\nb\n')], 100)).toEqual([
      { number: 1, text: undefined, problem: 'found a line of more than 100 bytes' },
      { number: 2, text: 'b' },
    ]);
  });
});

describe('hasLoneSurrogate', () => {
  it.each([
    ['a', false],
    ['😀', false],
    ['\uFFFD', false],
    ['\ud83d', true],
    ['\ude00\ud83d', true],
  ])('of %j is %s', (text, expected) => expect(hasLoneSurrogate(text)).toBe(expected));
});
