import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOnnxPolicy } from '../../../src/engines/onnx/policy.js';
import type { Policy, Sampling } from '../../../src/engines/policy.js';
import { readConfig } from '../../../src/models/folder.js';
import { uniformAt } from '../../../src/models/random.js';
import { tinyModel } from '../../models/tiny-model.js';

const folder = tinyModel({ gain: 1.8 });
const { vocabSize } = readConfig(folder);
let policy: Policy;
let prompt: Int32Array;
beforeAll(async () => {
  policy = await createOnnxPolicy({ folder, workers: 1, device: 'cpu' });
  await policy.load(0, folder);
  prompt = policy.encodePrompt([{ role: 'user', content: '3 + 4 - 1 =' }]);
});
afterAll(() => policy.close());

/** Every next token's probability, from scoring the prompt with each of them behind it. */
async function distribution(temperature: number): Promise<number[]> {
  const scores = await Promise.all(
    Array.from({ length: vocabSize }, (_, id) =>
      policy.score(0, { tokens: Int32Array.of(...prompt, id), from: prompt.length, temperature }),
    ),
  );
  return scores.map(([logprob]) => Math.exp(logprob ?? 0));
}

/** What remains of a distribution, written from the definitions: ties with the last one kept stay. */
function truncated(probabilities: readonly number[], { topK, topP, minP }: Partial<Sampling>): number[] {
  const sorted = probabilities.toSorted((a, b) => b - a);
  let kept = topK ?? sorted.length;
  if (topP !== undefined) {
    let mass = 0;
    let nucleus = 0;
    while (nucleus < sorted.length && mass < topP) mass += sorted[nucleus++] ?? 0;
    kept = Math.min(kept, nucleus);
  }
  const least = Math.max(sorted[kept - 1] ?? 0, (minP ?? 0) * (sorted[0] ?? 0));
  return probabilities.map((p) => (p >= least * (1 - 1e-6) ? p : 0));
}

describe('the sampler against a plain reference on the same distribution', () => {
  it.each<Partial<Sampling>>([
    {},
    { temperature: 0.6 },
    { temperature: 1.7 },
    { topK: 1 },
    { topK: 7 },
    { topP: 0.3 },
    { topP: 0.95 },
    { minP: 0.1 },
    { temperature: 1.4, topK: 40, topP: 0.8, minP: 0.02 },
    { topP: 1, topK: 100_000, minP: 0 },
  ])('%j', async (options) => {
    const sampling = { temperature: 1, maxTokens: 1, ...options };
    const probabilities = await distribution(sampling.temperature);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
    const left = truncated(probabilities, options);
    const total = left.reduce((a, b) => a + b);
    const seeds = Array.from({ length: 150 }, (_, i) => BigInt(i) * 7919n);
    const drawn = await policy.sample(0, { prompt, seeds, sampling });
    for (const [i, { tokens, logprobs }] of drawn.entries()) {
      const token = tokens[0] ?? -1;
      const below = left.slice(0, token).reduce((a, b) => a + b, 0) / total;
      const point = uniformAt(seeds[i] ?? 0n, 0);
      expect(left[token]).toBeGreaterThan(0);
      // The point lies in the token's stretch of the running sum, up to rounding.
      expect(point).toBeGreaterThan(below - 1e-5);
      expect(point).toBeLessThan(below + (left[token] ?? 0) / total + 1e-5);
      // The log-probability is from before truncation.
      expect(Math.abs(Math.log(probabilities[token] ?? 0) - (logprobs[0] ?? 0))).toBeLessThan(1e-5);
    }
  });

  it('is greedy at temperature 0, with the log-probability of temperature 1', async () => {
    const probabilities = await distribution(1);
    const best = probabilities.indexOf(Math.max(...probabilities));
    const [first] = await policy.sample(0, { prompt, seeds: [1n], sampling: { temperature: 0, maxTokens: 1 } });
    expect(first?.tokens[0]).toBe(best);
    expect(first?.logprobs[0]).toBeCloseTo(Math.log(probabilities[best] ?? 0), 5);
  });

  it('draws each token with its probability (chi-square)', async () => {
    const probabilities = await distribution(1);
    const draws = 6000;
    const seeds = Array.from({ length: draws }, (_, i) => BigInt(i));
    const counts = new Array<number>(vocabSize).fill(0);
    for (const { tokens } of await policy.sample(0, { prompt, seeds, sampling: { temperature: 1, maxTokens: 1 } }))
      counts[tokens[0] ?? 0] = (counts[tokens[0] ?? 0] ?? 0) + 1;
    let statistic = 0;
    let cells = 0;
    const rest = { expected: 0, found: 0 };
    for (const [id, p] of probabilities.entries()) {
      if (p * draws < 5) {
        rest.expected += p * draws;
        rest.found += counts[id] ?? 0;
        continue;
      }
      statistic += ((counts[id] ?? 0) - p * draws) ** 2 / (p * draws);
      cells++;
    }
    if (rest.expected >= 5) {
      statistic += (rest.found - rest.expected) ** 2 / rest.expected;
      cells++;
    }
    expect(cells).toBeGreaterThan(20);
    // Mean cells - 1, variance twice that: four deviations.
    expect(statistic).toBeLessThan(cells - 1 + 4 * Math.sqrt(2 * (cells - 1)));
  });
});
