import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOnnxPolicy } from '../../../src/engines/onnx/policy.js';
import type { Policy, ScoreRequest, TopScores } from '../../../src/engines/policy.js';
import { tinyModel } from '../../models/tiny-model.js';

const folder = tinyModel({ gain: 1.5 });
let policy: Policy;
beforeAll(async () => {
  policy = await createOnnxPolicy({ folder, workers: 2, device: 'cpu' });
  await policy.load(0, folder);
});
afterAll(() => policy.close());

const top = async (request: ScoreRequest & { readonly k: number }): Promise<TopScores> => {
  if (!policy.scoreTop) throw new Error('the ONNX policy scores top-k');
  return policy.scoreTop(0, request);
};
const request = (length: number, from: number, temperature = 1): ScoreRequest => ({
  tokens: Int32Array.from({ length }, (_, i) => (7 * i + 3) % 60),
  from,
  temperature,
});

describe('scoreTop', () => {
  it.each([1, 0.7, 0])('agrees with score on sampled tokens at temperature %f', async (temperature) => {
    const asked = request(20, 5, temperature);
    const k = 40;
    const [scores, { ids, logprobs }] = await Promise.all([policy.score(0, asked), top({ ...asked, k })]);
    let found = 0;
    for (const [t, score] of scores.entries()) {
      const rank = ids.subarray(t * k, (t + 1) * k).indexOf(Number(asked.tokens[asked.from + t]));
      if (rank < 0) continue;
      expect(logprobs[t * k + rank]).toBeCloseTo(score, 4);
      found++;
    }
    expect(found).toBeGreaterThan(0);
  });

  it('returns the likeliest first, and a tail that makes the sum 1', async () => {
    const k = 6;
    const { ids, logprobs, tailLogprobs } = await top({ ...request(30, 10), k });
    expect([ids.length, logprobs.length, tailLogprobs.length]).toEqual([20 * k, 20 * k, 20]);
    for (const [t, tail] of tailLogprobs.entries()) {
      const row = [...logprobs.subarray(t * k, (t + 1) * k)];
      expect(row).toEqual(row.toSorted((x, y) => y - x));
      expect(row.reduce((sum, x) => sum + Math.exp(x), Math.exp(tail))).toBeCloseTo(1, 5);
    }
  });

  it('returns the same bits alone and among other requests', async () => {
    const asked = [8, 12, 20, 33, 40].flatMap((length) => [3, 5].map((k) => ({ ...request(length, 2), k })));
    const together = await Promise.all(asked.map(top));
    for (const [i, one] of asked.entries()) expect(await top(one)).toEqual(together[i]);
  });

  it.each([0, 1.5, 100_000])('rejects k = %f', async (k) => {
    await expect(top({ ...request(4, 1), k })).rejects.toThrow(/k is [\d.]+, expected 1 to \d+/);
  });
});
