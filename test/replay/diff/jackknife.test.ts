import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, crossCosines, dot, jackknife, jackknifeDifference } from '../../../src/replay/diff/jackknife.js';

const vector = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 });
const prompts = fc.array(fc.record({ u: vector, g: vector }), { minLength: 2, maxLength: 8 });

const blockOf = (members: readonly { readonly u: readonly number[]; readonly g: readonly number[] }[]): Block => {
  const sum = (of: 'u' | 'g') => Float32Array.from([0, 1, 2], (i) => members.reduce((s, m) => s + (m[of][i] ?? 0), 0));
  const ownDot = members.reduce((s, { u, g }) => s + dot(Float32Array.from(u), Float32Array.from(g)), 0);
  return { update: sum('u'), gradient: sum('g'), ownDot };
};

/** By its definition: over all pairs of different prompts. */
function byPairs(all: readonly { readonly u: readonly number[]; readonly g: readonly number[] }[]): number {
  const { update, gradient } = blockOf(all);
  let cross = 0;
  for (const [i, { u }] of all.entries())
    for (const [j, { g }] of all.entries()) if (i !== j) cross += dot(Float32Array.from(u), Float32Array.from(g));
  const norms = Math.sqrt(dot(update, update) * dot(gradient, gradient));
  return norms === 0 ? 0 : cross / norms;
}

describe('the cosine with the gradient of other prompts', () => {
  it('is that over all pairs of different prompts, with and without each block', () => {
    fc.assert(
      fc.property(prompts, (all) => {
        const blocks = [all.filter((_, i) => i % 2 === 0), all.filter((_, i) => i % 2 === 1)];
        const expected = [all, ...blocks.map((block) => all.filter((one) => !block.includes(one)))].map(byPairs);
        const found = crossCosines(blocks.map(blockOf));
        for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6);
      }),
    );
  });

  it('does not count what a prompt shares with itself only', () => {
    const alone = [0, 1, 2].map((axis) => {
      const one = [0, 0, 0].map((_, i) => (i === axis ? 1 : 0));
      return blockOf([{ u: one, g: one }]);
    });
    expect(crossCosines(alone)[0]).toBe(0);
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
