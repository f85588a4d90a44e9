import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawToken } from '../../src/engines/draw.js';

const logprobs = [0.5, 0.3, 0.15, 0.05].map(Math.log);
const draws = (sampling: Partial<Parameters<typeof drawToken>[1]>, n = 4000): number[] => {
  const counts = [0, 0, 0, 0];
  for (let seed = 0; seed < n; seed++) {
    const id = drawToken(logprobs, { temperature: 1, maxTokens: 1, ...sampling }, BigInt(seed), 0);
    counts[id] = Number(counts[id]) + 1;
  }
  return counts.map((count) => count / n);
};
const distribution = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
  .map((weights) => weights.map((weight) => Math.log(weight / weights.reduce((a, b) => a + b, 0))));

describe('drawToken', () => {
  it('draws each token with its probability', () => {
    for (const [id, share] of draws({}).entries()) expect(share).toBeCloseTo(Math.exp(Number(logprobs[id])), 1);
  });

  it.each([
    [{ topK: 2 }, [0, 1]],
    [{ topP: 0.5 }, [0]],
    [{ topP: 0.51 }, [0, 1]],
    [{ minP: 0.3 }, [0, 1, 2]],
    [{ topK: 3, minP: 0.5 }, [0, 1]],
    [{ temperature: 0 }, [0]],
  ])('draws under %j only from tokens %j', (sampling, expected) => {
    expect([...draws(sampling).entries()].filter(([, share]) => share > 0).map(([id]) => id)).toEqual(expected);
  });

  it('returns the likeliest token at temperature 0 and at top-k 1', () => {
    fc.assert(
      fc.property(distribution, fc.bigInt(0n, 1n << 62n), fc.nat(1000), (logs, seed, t) => {
        const likeliest = logs.indexOf(Math.max(...logs));
        expect(drawToken(logs, { temperature: 0, maxTokens: 1 }, seed, t)).toBe(likeliest);
        const drawn = drawToken(logs, { temperature: 1, topK: 1, maxTokens: 1 }, seed, t);
        expect(logs[drawn]).toBe(logs[likeliest]);
      }),
    );
  });

  it('never draws a token of probability 0', () => {
    fc.assert(
      fc.property(distribution, fc.bigInt(0n, 1n << 62n), (logs, seed) => {
        const padded = [Number.NEGATIVE_INFINITY, ...logs, Number.NEGATIVE_INFINITY];
        const drawn = drawToken(padded, { temperature: 1, maxTokens: 1 }, seed, 0);
        expect(padded[drawn]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      }),
    );
  });

  it('rejects an empty vocabulary', () => {
    expect(() => drawToken([], { temperature: 1, maxTokens: 1 }, 0n, 0)).toThrow(RangeError);
  });
});
