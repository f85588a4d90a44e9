import { describe, expect, it } from 'vitest';
import { passesFrom } from '../../src/sources/passes.js';
import { isBad, type SourceItem } from '../../src/sources/source.js';

const items: SourceItem[] = Array.from({ length: 40 }, (_, n) => {
  const id = String(n);
  return { itemId: id, question: id, answer: '', trace: null, data: null, source: id };
});

/** Ids of the first two passes, from a position on. */
async function ids(parts: number, position = 0n): Promise<string[]> {
  const read = async function* () {
    yield* items;
  };
  const found: string[] = [];
  const passes = { read, length: items.length, isUsed: () => true, shuffle: 3, parts };
  for await (const { found: one, pass } of passesFrom(passes, position)) {
    if (pass === 2) break;
    if (!isBad(one)) found.push(one.itemId);
  }
  return found;
}

describe('a shuffled pass', () => {
  it('has the same order however many parts it is read in', async () => {
    const whole = await ids(1);
    expect(whole).toHaveLength(80);
    for (const parts of [2, 5, 64]) expect(await ids(parts)).toEqual(whole);
    for (const position of [1n, 39n, 40n, 63n]) expect(await ids(5, position)).toEqual(whole.slice(Number(position)));
  });
});
