import { describe, expect, it } from 'vitest';
import { gradientName, superviseGraph, trainGraph } from '../../../../src/engines/onnx/graph/train.js';
import { createSession, type Tensor } from '../../../../src/engines/onnx/session.js';
import { type ModelConfig, parameterShapes } from '../../../../src/models/config.js';
import { configs, floats, ids, numbers, randomFloats, randomParameters, randomTokens } from './models.js';
import { referenceLogprobs } from './reference.js';

const [batch, length] = [3, 6];
const temperature = 0.8;
const clip = [0.2, 0.28] as const;
const kl = 0.3;

function inputsOf(config: ModelConfig, parameters: ReadonlyMap<string, Tensor>) {
  const rows = Array.from({ length: batch }, (_, i) => randomTokens(length + 1, config.vocabSize, 70 + i));
  const now = rows.flatMap((row) => {
    const logprobs = referenceLogprobs(config, parameters, row, temperature);
    return row.slice(1).map((token, t) => logprobs[t]?.[token] ?? 0);
  });
  const near = (seed: number): Float32Array => {
    const noise = randomFloats(now.length, seed, 0.6);
    return Float32Array.from(now, (value, i) => value + (noise[i] ?? 0));
  };
  const weights = randomFloats(now.length, 3).map((value, i) => (i % 4 === 1 ? 0 : Math.abs(value) + 0.1));
  return { rows, weights, sampled: near(1), reference: near(2), advantages: randomFloats(now.length, 4, 2) };
}

type Inputs = ReturnType<typeof inputsOf>;

/** The losses in float64, from the formulas alone. */
const losses: Readonly<Record<string, (inputs: Inputs, logprobs: readonly number[]) => number>> = {
  policy: ({ weights, sampled, reference, advantages }, logprobs) =>
    logprobs.reduce((sum, logprob, i) => {
      const a = advantages[i] ?? 0;
      const ratio = Math.exp(logprob - (sampled[i] ?? 0));
      const bounded = Math.min(Math.max(ratio, 1 - clip[0]), 1 + clip[1]);
      const d = (reference[i] ?? 0) - logprob;
      return sum + (weights[i] ?? 0) * (-Math.min(ratio * a, bounded * a) + kl * (Math.exp(d) - d - 1));
    }, 0),
  supervised: ({ weights }, logprobs) => logprobs.reduce((sum, logprob, i) => sum - (weights[i] ?? 0) * logprob, 0),
};

describe.each(Object.entries(configs))('training %s', (_, config) => {
  it.each(Object.entries(losses))('gradients of the %s loss match central differences', async (objective, lossOf) => {
    const parameters = randomParameters(config, 21);
    const inputs = inputsOf(config, parameters);
    const graph = objective === 'policy' ? trainGraph(config, { clip, kl }) : superviseGraph(config);
    const session = await createSession(graph, { threads: 1 });
    const dims = [batch, length];
    const outputs = await session.run(
      new Map([
        ...parameters,
        [
          'tokens',
          ids(
            inputs.rows.flatMap((row) => row.slice(0, -1)),
            dims,
          ),
        ],
        [
          'targets',
          ids(
            inputs.rows.flatMap((row) => row.slice(1)),
            dims,
          ),
        ],
        ['temperature', floats([temperature])],
        ['weights', floats(inputs.weights, dims)],
        ['samplingLogprobs', floats(inputs.sampled, dims)],
        ['referenceLogprobs', floats(inputs.reference, dims)],
        ['tokenAdvantages', floats(inputs.advantages, dims)],
      ]),
    );
    const loss = (): number =>
      lossOf(
        inputs,
        inputs.rows.flatMap((row) => {
          const logprobs = referenceLogprobs(config, parameters, row, temperature);
          return row.slice(1).map((token, t) => logprobs[t]?.[token] ?? 0);
        }),
      );
    for (const [name, shape] of parameterShapes(config)) {
      const gradient = outputs.get(gradientName(name));
      expect(gradient?.dims).toEqual(shape);
      const data = numbers(parameters, name);
      const old = data.slice();
      const slope = numbers(outputs, gradientName(name));
      // Along a random direction every entry counts; the direction is what float32 leaves of it.
      const move = (seed: number, sign: number): Float64Array => {
        const step = randomFloats(old.length, seed, 1e-3);
        data.set(old.map((value, i) => value + sign * (step[i] ?? 0)));
        return Float64Array.from(data, (value, i) => value - (old[i] ?? 0));
      };
      for (const seed of [5, 6]) {
        const forward = move(seed, 1);
        const above = loss();
        const backward = move(seed, -1);
        const below = loss();
        data.set(old);
        const analytic = slope.reduce((sum, g, i) => sum + g * ((forward[i] ?? 0) - (backward[i] ?? 0)), 0);
        const scale = Math.sqrt(slope.reduce((sum, g) => sum + g * g, 0)) * 1e-3;
        expect(Math.abs(above - below - analytic), name).toBeLessThan(2e-3 * Math.max(scale, Math.abs(analytic)));
      }
    }
  });
});

it('a token outside the weights has no say, however absurd its scores', async () => {
  const config = configs.llama;
  if (!config) throw new Error('no such model');
  const parameters = randomParameters(config, 1);
  const session = await createSession(trainGraph(config, { clip, kl: 0 }), { threads: 1 });
  const run = (sampled: number, advantage: number) =>
    session.run(
      new Map([
        ...parameters,
        ['tokens', ids([1, 2, 3], [1, 3])],
        ['targets', ids([2, 3, 4], [1, 3])],
        ['temperature', floats([1])],
        ['weights', floats([0, 0.5, 0.5], [1, 3])],
        ['samplingLogprobs', floats([sampled, -3, -3], [1, 3])],
        ['tokenAdvantages', floats([advantage, 1, -1], [1, 3])],
      ]),
    );
  expect(await run(-1000, 5)).toEqual(await run(0, 0));
});
