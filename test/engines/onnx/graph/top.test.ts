import { describe, expect, it } from 'vitest';
import { topGraph } from '../../../../src/engines/onnx/graph/top.js';
import { createSession, type SessionTensor } from '../../../../src/engines/onnx/session.js';
import type { ModelConfig } from '../../../../src/models/config.js';
import { required } from '../../../../src/support/required.js';
import { configs, floats, ids, numbers, randomParameters, randomTokens } from './models.js';
import { referenceLogprobs } from './reference.js';

/** Top-k by sorting the whole distribution in float64. */
function expectedTop(logprobs: ArrayLike<number>, k: number) {
  const sorted = Array.from(logprobs, (logprob, id) => ({ id, logprob })).sort((x, y) => y.logprob - x.logprob);
  const tail = sorted.slice(k).reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
  return { top: sorted.slice(0, k), tail: Math.log(tail) };
}

async function topScorer(config: ModelConfig, parameters: ReadonlyMap<string, SessionTensor>) {
  const session = await createSession(topGraph(config), { threads: 1 });
  return async (rows: readonly (readonly number[])[], k: number, temperature = 1) => {
    const width = Math.max(...rows.map(({ length }) => length));
    const padded = rows.flatMap((row) => [...row, ...Array<number>(width - row.length).fill(0)]);
    const outputs = await session.run(
      new Map([
        ...parameters,
        ['tokens', ids(padded, [rows.length, width])],
        ['temperature', floats([temperature])],
        ['k', ids([k], [1])],
      ]),
    );
    const found = outputs.get('topIds')?.data;
    if (!(found instanceof BigInt64Array)) throw new Error('no topIds');
    const [logprobs, tails] = [numbers(outputs, 'topLogprobs'), numbers(outputs, 'tailLogprobs')];
    return (row: number, t: number) => {
      const at = row * width + t;
      return {
        ids: Array.from(found.subarray(at * k, (at + 1) * k), Number),
        logprobs: [...logprobs.subarray(at * k, (at + 1) * k)],
        tail: Number(tails[at]),
      };
    };
  };
}

// Heads of each kind: tied, of its own, capped.
const { llama, qwen3, gemma2 } = configs;

describe.each(Object.entries({ llama, qwen3, gemma2 }))('top-k scores of %s', (_, given) => {
  const config = required(given, 'a model');
  const parameters = randomParameters(config, 11);
  const tokens = randomTokens(9, config.vocabSize, 3);

  it.each([
    [1, 1],
    [5, 1],
    [5, 0.7],
  ])('equal the sorted softmax in float64 for k = %i at temperature %f', async (k, temperature) => {
    const at = await topScorer(config, parameters).then((top) => top([tokens], k, temperature));
    for (const [t, distribution] of referenceLogprobs(config, parameters, tokens, temperature).entries()) {
      const { top, tail } = expectedTop(distribution, k);
      const found = at(0, t);
      expect(found.ids).toEqual(top.map(({ id }) => id));
      for (const [i, { logprob }] of top.entries()) expect(found.logprobs[i]).toBeCloseTo(logprob, 4);
      expect(found.tail).toBeCloseTo(tail, 4);
    }
  });

  it('have a tail of -infinity if k is the size of the vocabulary', async () => {
    const top = await topScorer(config, parameters);
    const { ids: all, logprobs, tail } = (await top([tokens], config.vocabSize))(0, 4);
    expect(new Set(all).size).toBe(config.vocabSize);
    expect(logprobs.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 5);
    expect(tail).toBe(Number.NEGATIVE_INFINITY);
  });

  it('have the same bits in any batch and padding', async () => {
    const top = await topScorer(config, parameters);
    const rows = Array.from({ length: 5 }, (_, i) => randomTokens(4 + 3 * i, config.vocabSize, 100 + i));
    const together = await top(rows, 3);
    for (const [i, row] of rows.entries()) {
      const alone = await top([row], 3);
      for (const t of row.keys()) expect(alone(0, t)).toEqual(together(i, t));
    }
  });
});
