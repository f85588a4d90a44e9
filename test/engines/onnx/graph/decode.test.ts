import { describe, expect, it } from 'vitest';
import { cacheNames, decodeGraph, prefillGraph } from '../../../../src/engines/onnx/graph/decode.js';
import { createSession, type SessionTensor } from '../../../../src/engines/onnx/session.js';
import type { ModelConfig } from '../../../../src/models/config.js';
import { required } from '../../../../src/support/required.js';
import { configs, floats, ids, numbers, randomNumbers, randomParameters, randomTokens, wider } from './models.js';
import { referenceLogprobs } from './reference.js';

interface Row {
  readonly prompt: readonly number[];
  readonly temperature: number;
  readonly seed: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
}

/** Decodes `steps` tokens for each row in one batch with caches of `capacity` entries. */
async function decode(
  config: ModelConfig,
  parameters: ReadonlyMap<string, SessionTensor>,
  rows: readonly Row[],
  { steps, capacity, truncate = false }: { steps: number; capacity: number; truncate?: boolean },
): Promise<{ tokens: number[][]; logprobs: number[][] }> {
  const { kvHeads, headDim, layers } = config;
  const prefill = await createSession(prefillGraph(config), { threads: 1 });
  const step = await createSession(decodeGraph(config, { truncate }), { threads: 1 });
  const batch = rows.length;
  const caches = new Map<string, SessionTensor>();
  for (let layer = 0; layer < layers; layer++) {
    const size = batch * kvHeads * headDim * capacity;
    const { keys, values } = cacheNames(layer);
    caches.set(keys, floats(new Float32Array(size), [batch, kvHeads, capacity, headDim]));
    caches.set(values, floats(new Float32Array(size), [batch, kvHeads, capacity, headDim]));
  }
  // `columns` is the length that the new entries come with: the prompt's at prefill, 1 in a step.
  const append = (
    made: ReadonlyMap<string, SessionTensor>,
    names: readonly string[],
    row: number,
    from: number,
    at: number,
    columns: number,
  ) => {
    for (let layer = 0; layer < layers; layer++) {
      const [newKeys, newValues] = names.map((name) => numbers(made, `${name}.${layer}`));
      const keys = numbers(caches, cacheNames(layer).keys);
      const values = numbers(caches, cacheNames(layer).values);
      for (let h = 0; h < kvHeads; h++)
        for (let d = 0; d < headDim; d++)
          for (let t = 0; t < columns; t++) {
            const to = ((row * kvHeads + h) * capacity + at + t) * headDim + d;
            const made = ((from * kvHeads + h) * columns + t) * headDim + d;
            keys[to] = newKeys?.[made] ?? Number.NaN;
            values[to] = newValues?.[made] ?? Number.NaN;
          }
    }
  };
  for (const [row, { prompt }] of rows.entries()) {
    const length = prompt.length - 1;
    if (length === 0) continue;
    const made = await prefill.run(new Map([...parameters, ['tokens', ids(prompt.slice(0, -1), [1, length])]]));
    append(made, ['keys', 'values'], row, 0, 0, length);
  }
  const lengths = rows.map(({ prompt }) => prompt.length - 1);
  const random = rows.map(({ seed }) => randomNumbers(seed));
  const tokens = rows.map(({ prompt }) => [...prompt]);
  const logprobs = rows.map((): number[] => []);
  for (let t = 0; t < steps; t++) {
    const made = await step.run(
      new Map([
        ...parameters,
        ...caches,
        ['tokens', ids(tokens.map((row) => row.at(-1) ?? 0))],
        ['lengths', ids(lengths)],
        [
          'temperature',
          floats(
            rows.map((row) => row.temperature),
            [batch, 1],
          ),
        ],
        [
          'uniform',
          floats(
            random.map((next) => next()),
            [batch, 1],
          ),
        ],
        [
          'topK',
          ids(
            rows.map((row) => row.topK ?? config.vocabSize),
            [batch, 1],
          ),
        ],
        [
          'topP',
          floats(
            rows.map((row) => row.topP ?? 2),
            [batch, 1],
          ),
        ],
        [
          'minP',
          floats(
            rows.map((row) => row.minP ?? 0),
            [batch, 1],
          ),
        ],
      ]),
    );
    for (const row of rows.keys()) {
      append(made, ['newKeys', 'newValues'], row, row, lengths[row] ?? 0, 1);
      lengths[row] = (lengths[row] ?? 0) + 1;
      tokens[row]?.push(Number(made.get('next')?.data[row]));
      logprobs[row]?.push(numbers(made, 'logprobs')[row] ?? Number.NaN);
    }
  }
  return { tokens, logprobs };
}

function rowsOf(config: ModelConfig): Row[] {
  return [1, 5, 9, 3, 7].map((length, i) => ({
    prompt: randomTokens(length, config.vocabSize, 40 + i),
    temperature: [1, 0, 0.6, 1.5, 1][i] ?? 1,
    seed: i,
  }));
}

describe.each(Object.entries(configs))('decoding %s', (_, config) => {
  const parameters = randomParameters(config, 5);
  const rows = rowsOf(config);

  it('agrees with scoring, and draws by inversion of the running sum', async () => {
    const { tokens, logprobs } = await decode(config, parameters, rows, { steps: 8, capacity: 20 });
    for (const [i, row] of rows.entries()) {
      const sequence = tokens[i] ?? [];
      const expected = referenceLogprobs(config, parameters, sequence, row.temperature || 1);
      const next = randomNumbers(row.seed);
      for (let t = 0; t < 8; t++) {
        const position = row.prompt.length - 1 + t;
        const distribution = expected[position] ?? [];
        const chosen = sequence[position + 1] ?? -1;
        expect(Math.abs((logprobs[i]?.[t] ?? 0) - (distribution[chosen] ?? 0))).toBeLessThan(1e-5);
        const uniform = next();
        if (row.temperature === 0) {
          expect(chosen).toBe(distribution.indexOf(Math.max(...distribution)));
        } else {
          const below = distribution.slice(0, chosen).reduce((sum, value) => sum + Math.exp(value), 0);
          expect(uniform).toBeGreaterThan(below - 1e-5);
          expect(uniform).toBeLessThan(below + Math.exp(distribution[chosen] ?? 0) + 1e-5);
        }
      }
    }
  });
});

it('draws only tokens that top-k, top-p and min-p keep', async () => {
  const config = required(configs.llama, 'a model');
  const parameters = randomParameters(config, 5);
  const prompt = randomTokens(4, config.vocabSize, 9);
  const sorted = (referenceLogprobs(config, parameters, prompt, 1).at(-1) ?? [])
    .map((value, token) => ({ p: Math.exp(value), token }))
    .sort((a, b) => b.p - a.p);
  const kept = {
    topK: sorted.slice(0, 3),
    topP: sorted.filter((_, i) => sorted.slice(0, i).reduce((sum, { p }) => sum + p, 0) < 0.4),
    minP: sorted.filter(({ p }) => p >= 0.5 * (sorted[0]?.p ?? 0)),
  };
  for (const [name, value] of [
    ['topK', 3],
    ['topP', 0.4],
    ['minP', 0.5],
  ] as const) {
    const many = Array.from(
      { length: 200 },
      (_, i): Row => ({ prompt, temperature: 1, seed: 1000 + i, [name]: value }),
    );
    const { tokens } = await decode(config, parameters, many, { steps: 1, capacity: 8, truncate: true });
    const drawn = new Set(tokens.map((row) => row.at(-1)));
    expect([...drawn].sort()).toEqual(kept[name].map(({ token }) => token).sort());
  }
});

describe.each(Object.entries({ ...configs, wider }))('decoding %s', (_, config) => {
  const parameters = randomParameters(config, 6);
  const rows = rowsOf(config);

  it('returns the same bits in small and large batches, in a larger cache and in the truncating graph', async () => {
    const together = await decode(config, parameters, rows, { steps: 8, capacity: 20 });
    for (const [i, row] of rows.entries()) {
      const alone = await decode(config, parameters, [row, row], {
        steps: 8,
        capacity: 37,
        truncate: i % 2 === 0,
      });
      expect(alone.tokens[0]).toEqual(together.tokens[i]);
      expect(alone.logprobs[0]).toEqual(together.logprobs[i]);
    }
  });
});
