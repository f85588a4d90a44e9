import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, crossCosines, dot, jackknife, jackknifeDifference } from '../../../src/replay/diff/jackknife.js';

const vector = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 });
const prompts = fc.array(fc.record({ u: vector, g: vector }), { minLength: 4, maxLength: 9 });

type Prompt = { readonly u: readonly number[]; readonly g: readonly number[] };
const product = (a: readonly number[], b: readonly number[]) => dot(Float32Array.from(a), Float32Array.from(b));

function blockOf(members: readonly Prompt[]): Block {
  const sum = (of: 'u' | 'g') => Float32Array.from([0, 1, 2], (i) => members.reduce((s, m) => s + (m[of][i] ?? 0), 0));
  const own = (a: 'u' | 'g', b: 'u' | 'g') => members.reduce((s, m) => s + product(m[a], m[b]), 0);
  return {
    ...{ prompts: members.length, update: sum('u'), gradient: sum('g') },
    own: { cross: own('u', 'g'), update: own('u', 'u'), gradient: own('g', 'g') },
  };
}

/** By its definition: means over all pairs of different prompts. */
function byPairs(all: readonly Prompt[], batch: number): number {
  const mean = (a: 'u' | 'g', b: 'u' | 'g') =>
    all.reduce(
      (sum, one, i) => sum + all.reduce((s, other, j) => s + (i === j ? 0 : product(one[a], other[b])), 0),
      0,
    ) /
    (all.length * (all.length - 1));
  const squares = all.reduce((sum, { u }) => sum + product(u, u), 0) / all.length;
  const norms = mean('g', 'g') * (mean('u', 'u') + (squares - mean('u', 'u')) / batch);
  return norms > 0 ? mean('u', 'g') / Math.sqrt(norms) : 0;
}

describe('the cosine with the gradient of other prompts', () => {
  it('is that over all pairs of different prompts, with and without each block', () => {
    fc.assert(
      fc.property(prompts, fc.integer({ min: 1, max: 64 }), (all, batch) => {
        const blocks = [0, 1].map((part) => all.filter((_, i) => i % 2 === part));
        const expected = [all, ...blocks.map((block) => all.filter((one) => !block.includes(one)))];
        const found = crossCosines(blocks.map(blockOf), batch);
        for (const [i, some] of expected.entries()) expect(found[i]).toBeCloseTo(byPairs(some, batch), 6);
      }),
    );
  });

  it('does not count what a prompt shares with itself only', () => {
    const axes = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    expect(
      crossCosines(
        axes.map((u) => blockOf([{ u, g: u }])),
        4,
      )[0],
    ).toBe(0);
  });

  it('is 1 where all prompts ask for the same, and falls with the noise of smaller batches', () => {
    const [a, b] = [
      { u: [1, 2, 0], g: [1, 0, 0] },
      { u: [1, -2, 0], g: [1, 0, 0] },
    ];
    const blocks = Array.from({ length: 8 }, () => blockOf([a, b]));
    const [small = 0, large = 0] = [1, 1e9].map((batch) => crossCosines(blocks, batch)[0]);
    expect(small).toBeLessThan(0.5);
    expect(large).toBeGreaterThan(0.99);
  });
});

describe('the jackknife', () => {
  it('of a mean gives its standard error', () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6];
    const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
    const without = values.map((_, k) => mean(values.filter((__, i) => i !== k)));
    const variance = values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
    const { value, error } = jackknife([mean(values), ...without]);
    expect(value).toBe(mean(values));
    expect(error).toBeCloseTo(Math.sqrt(variance / values.length), 12);
  });

  it('of one block has no error', () => {
    expect(jackknife([1, 2])).toEqual({ value: 1, error: Number.NaN });
  });

  it('of a difference is 0 where both are equal', () => {
    expect(jackknifeDifference([1, 2, 3], [1, 2, 3])).toEqual({ value: 0, error: 0 });
  });
});
