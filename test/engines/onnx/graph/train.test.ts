import { describe, expect, it } from 'vitest';
import { gradientName, metricName, trainingGraph } from '../../../../src/engines/onnx/graph/train.js';
import { createSession, type SessionTensor } from '../../../../src/engines/onnx/session.js';
import {
  clippedPolicy,
  crossEntropy,
  distillation,
  evaluateLoss,
  type Loss,
  type LossToken,
  referenceKl,
  sumLosses,
} from '../../../../src/losses/index.js';
import { type ModelConfig, parameterShapes } from '../../../../src/models/config.js';
import { at, get } from '../../../../src/support/required.js';
import { configs, floats, ids, numbers, randomFloats, randomParameters, randomTokens } from './models.js';
import { referenceLogprobs } from './reference.js';

const [batch, length, k] = [3, 6, 3];
const temperature = 0.8;
const shape = [batch, length];

const policy = clippedPolicy.create();
const losses: readonly Loss[] = [
  sumLosses([
    [1, policy],
    [0.3, referenceKl.create()],
  ]),
  crossEntropy.create(),
  distillation.create(),
  distillation.create({ divergence: 'reverseKl' }),
  sumLosses([
    [1, policy],
    [0.5, distillation.create({ divergence: 'jensenShannon' })],
  ]),
];

const rowsOf = (config: ModelConfig): number[][] =>
  Array.from({ length: batch }, (_, i) => randomTokens(length + 1, config.vocabSize, 70 + i));

/** The full next-token distributions at each trained position, in float64: [batch * length][V]. */
const distributions = (config: ModelConfig, parameters: ReadonlyMap<string, SessionTensor>): number[][] =>
  rowsOf(config).flatMap((row) => referenceLogprobs(config, parameters, row, temperature).slice(0, length));

function inputsOf(config: ModelConfig, parameters: ReadonlyMap<string, SessionTensor>) {
  const rows = rowsOf(config);
  const targets = rows.flatMap((row) => row.slice(1));
  const now = distributions(config, parameters).map((logprobs, i) => at(logprobs, at(targets, i)));
  const near = (seed: number): Float32Array => {
    const noise = randomFloats(now.length, seed, 0.6);
    return Float32Array.from(now, (value, i) => value + at(noise, i));
  };
  // Every fourth token is not trained. The candidates include each target, so that one id is gathered twice.
  const weights = randomFloats(now.length, 3).map((value, i) => (i % 4 === 1 ? 0 : Math.abs(value) + 0.1));
  const topIds = targets.flatMap((target) => [
    target,
    (target + 5) % config.vocabSize,
    (target + 11) % config.vocabSize,
  ]);
  return {
    rows,
    targets,
    topIds,
    weights,
    samplingLogprobs: near(1),
    referenceLogprobs: near(2),
    tokenAdvantages: randomFloats(now.length, 4, 2),
    targetTopLogprobs: Float32Array.from(topIds, (_, i) => Math.log(0.15 + 0.02 * (i % 7))),
    targetTailLogprobs: Float32Array.from(targets, (_, t) =>
      Math.log(1 - [0, 1, 2].reduce((sum, j) => sum + 0.15 + 0.02 * ((t * k + j) % 7), 0)),
    ),
  };
}

type Inputs = ReturnType<typeof inputsOf>;

function feedsOf(parameters: ReadonlyMap<string, SessionTensor>, inputs: Inputs): Map<string, SessionTensor> {
  return new Map([
    ...parameters,
    [
      'tokens',
      ids(
        inputs.rows.flatMap((row) => row.slice(0, -1)),
        shape,
      ),
    ],
    ['targets', ids(inputs.targets, shape)],
    ['temperature', floats([temperature])],
    ['weights', floats(inputs.weights, shape)],
    ['samplingLogprobs', floats(inputs.samplingLogprobs, shape)],
    ['referenceLogprobs', floats(inputs.referenceLogprobs, shape)],
    ['tokenAdvantages', floats(inputs.tokenAdvantages, shape)],
    ['topIds', ids(inputs.topIds, [...shape, k])],
    ['targetTopLogprobs', floats(inputs.targetTopLogprobs, [...shape, k])],
    ['targetTailLogprobs', floats(inputs.targetTailLogprobs, shape)],
  ]);
}

/** What the loss sees at each token, in float64. */
function tokensOf(config: ModelConfig, parameters: ReadonlyMap<string, SessionTensor>, inputs: Inputs): LossToken[] {
  return distributions(config, parameters).map((logprobs, i) => ({
    logprob: at(logprobs, at(inputs.targets, i)),
    samplingLogprob: at(inputs.samplingLogprobs, i),
    referenceLogprob: at(inputs.referenceLogprobs, i),
    advantage: at(inputs.tokenAdvantages, i),
    topLogprobs: inputs.topIds.slice(i * k, (i + 1) * k).map((id) => at(logprobs, id)),
    targetTopLogprobs: [...inputs.targetTopLogprobs.subarray(i * k, (i + 1) * k)],
    targetTailLogprob: at(inputs.targetTailLogprobs, i),
  }));
}

function doubles(outputs: ReadonlyMap<string, SessionTensor>, name: string): Float64Array {
  const { data } = get(outputs, name);
  if (!(data instanceof Float64Array)) throw new TypeError(`no float64 in ${name}`);
  return data;
}

/** Losses meet the model at its head alone, which is plain or capped: one that reads everything does for the others. */
const lossesOf = (name: string): readonly Loss[] => (name === 'llama' || name === 'gemma2' ? losses : losses.slice(-1));

describe.each(Object.entries(configs))('training %s', (name, config) => {
  it.each(lossesOf(name).map((loss) => [loss.name, loss] as const))(
    'by %s: value, metrics and gradients',
    async (_name, loss) => {
      const parameters = randomParameters(config, 21);
      const inputs = inputsOf(config, parameters);
      const session = await createSession(trainingGraph(config, loss), { threads: 1 });
      const outputs = await session.run(feedsOf(parameters, inputs));

      for (const [i, token] of tokensOf(config, parameters, inputs).entries()) {
        const expected = evaluateLoss(loss, token);
        const trained = at(inputs.weights, i) !== 0;
        expect(at(doubles(outputs, 'value'), i)).toBeCloseTo(trained ? expected.value : 0, 4);
        for (const [name, value] of Object.entries(expected.metrics))
          expect(at(doubles(outputs, metricName(name)), i)).toBeCloseTo(trained ? value : 0, 4);
      }

      const total = (): number =>
        tokensOf(config, parameters, inputs).reduce(
          (sum, token, i) => sum + at(inputs.weights, i) * evaluateLoss(loss, token).value,
          0,
        );
      for (const [name, shape] of parameterShapes(config)) {
        expect(outputs.get(gradientName(name))?.shape).toEqual(shape);
        const data = numbers(parameters, name);
        const old = data.slice();
        const gradient = numbers(outputs, gradientName(name));
        // Along a random direction every entry counts; the direction is what float32 leaves of it.
        const move = (seed: number, sign: number): Float64Array => {
          const step = randomFloats(old.length, seed, 1e-3);
          data.set(old.map((value, i) => value + sign * at(step, i)));
          return Float64Array.from(data, (value, i) => value - at(old, i));
        };
        const forward = move(5, 1);
        const above = total();
        const backward = move(5, -1);
        const below = total();
        data.set(old);
        const analytic = gradient.reduce((sum, g, i) => sum + g * (at(forward, i) - at(backward, i)), 0);
        const scale = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)) * 1e-3;
        expect(Math.abs(above - below - analytic), name).toBeLessThan(2e-3 * Math.max(scale, Math.abs(analytic)));
      }
    },
  );
});

describe('the training graph', () => {
  const config = get(new Map(Object.entries(configs)), 'llama');
  const parameters = randomParameters(config, 1);

  it('ignores untrained tokens, however extreme their inputs', async () => {
    const session = await createSession(trainingGraph(config, policy), { threads: 1 });
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

  it('returns gradients of the trained parameters only, equal to those without the restriction', async () => {
    const names = ['model.layers.1.self_attn.q_proj.weight', 'model.norm.weight'];
    const inputs = inputsOf(config, parameters);
    const run = async (trainable?: readonly string[]) => {
      const session = await createSession(trainingGraph(config, policy, trainable), { threads: 1 });
      return session.run(feedsOf(parameters, inputs));
    };
    const [some, all] = [await run(names), await run()];
    expect([...some.keys()].filter((name) => name.startsWith('gradient.'))).toEqual(names.map(gradientName));
    for (const name of names) expect(some.get(gradientName(name))).toEqual(all.get(gradientName(name)));
  });
});
