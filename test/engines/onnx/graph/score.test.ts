import { describe, expect, it } from 'vitest';
import { scoreGraph } from '../../../../src/engines/onnx/graph/score.js';
import { createSession, type SessionTensor } from '../../../../src/engines/onnx/session.js';
import type { ModelConfig } from '../../../../src/models/config.js';
import { configs, floats, ids, numbers, randomParameters, randomTokens, wider } from './models.js';
import { referenceLogprobs } from './reference.js';

async function scorer(config: ModelConfig, parameters: ReadonlyMap<string, SessionTensor>) {
  const session = await createSession(scoreGraph(config), { threads: 1 });
  return async (rows: readonly (readonly number[])[], width: number, temperature = 1): Promise<number[][]> => {
    const padded = (row: readonly number[]): number[] => [...row, ...Array<number>(width - row.length).fill(0)];
    const shape = [rows.length, width];
    const outputs = await session.run(
      new Map([
        ...parameters,
        ['tokens', ids(rows.flatMap(padded), shape)],
        [
          'targets',
          ids(
            rows.flatMap((row) => padded(row.slice(1))),
            shape,
          ),
        ],
        ['temperature', floats([temperature])],
      ]),
    );
    const all = numbers(outputs, 'logprobs');
    return rows.map((row, i) => [...all.subarray(i * width, i * width + row.length - 1)]);
  };
}

describe.each(Object.entries(configs))('scoring %s', (_, config) => {
  const parameters = randomParameters(config, 11);

  it.each([1, 0.7])('agrees with plain float64 loops at temperature %f', async (temperature) => {
    const tokens = randomTokens(12, config.vocabSize, 3);
    const score = await scorer(config, parameters);
    const [scores = []] = await score([tokens], tokens.length, temperature);
    const expected = referenceLogprobs(config, parameters, tokens, temperature);
    expect(scores).toHaveLength(11);
    scores.forEach((value, t) => {
      expect(Math.abs(value - (expected[t]?.[tokens[t + 1] ?? 0] ?? 0))).toBeLessThan(2e-5);
    });
  });
});

describe.each(Object.entries({ ...configs, wider }))('scoring %s', (_, config) => {
  const parameters = randomParameters(config, 12);

  it('returns the same bits in any batch and padding', async () => {
    const score = await scorer(config, parameters);
    const rows = Array.from({ length: 9 }, (_, i) => randomTokens(4 + 3 * i, config.vocabSize, 100 + i));
    const together = await score(rows, 40);
    for (const wider of [41, 64, 65, 200]) expect(await score(rows, wider)).toEqual(together);
    for (const [i, row] of rows.entries()) expect(await score([row], row.length)).toEqual([together[i]]);
  });
});
