import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLearner } from '../../src/learner/create.js';
import type { Learner, LearnerOptions } from '../../src/learner/learner.js';
import { createLocalLearner } from '../../src/learner/local.js';
import type { TrainSample } from '../../src/learner/samples.js';
import type { LearnerInput } from '../../src/learner/settings.js';
import { clippedPolicy, distillation, type Loss, sumLosses, trainingLoss } from '../../src/losses/index.js';
import { modelDigest, readModelFolder } from '../../src/models/folder.js';
import { readSafetensors, type Tensors } from '../../src/models/safetensors.js';
import { digest } from '../../src/support/digest.js';
import { UserError } from '../../src/support/errors.js';
import { configs, numbers, randomParameters, wider } from '../engines/onnx/graph/models.js';
import { referenceLogprobs } from '../engines/onnx/graph/reference.js';
import { tinyModel } from '../models/tiny-model.js';
import { sampleOf } from './samples.js';

const config = configs.qwen3 ?? wider;
const root = mkdtempSync(join(tmpdir(), 'learner-'));
afterAll(() => rmSync(root, { recursive: true }));

const tensors = (seed = 3, of = config): Tensors => {
  const parameters = randomParameters(of, seed);
  return new Map([...parameters].map(([name, { shape }]) => [name, { shape, data: numbers(parameters, name) }]));
};

const optionsOf = (settings: Partial<LearnerInput> = {}, threads = 1) => ({
  config,
  parameters: tensors(),
  threads,
  settings: { lr: 1e-2, microTokens: 40, ...settings },
});
const withLoss = (loss: Loss, settings: Partial<LearnerInput> = {}): LearnerOptions => ({
  ...optionsOf(settings),
  loss,
});

const batch = (from: number, count = 7): TrainSample[] =>
  Array.from({ length: count }, (_, i) => sampleOf(100 * from + 10 * i, 3, 4 + 2 * i, config.vocabSize));

async function weightsDigest(learner: Learner): Promise<string> {
  const parts = [...(await learner.weights())].map(([, { data }]) => new Uint8Array(data.buffer));
  return digest(...parts);
}

/** Scores and losses in float64 from the definitions. */
function lossOf(samples: readonly TrainSample[], parameters: Tensors, [low, high]: readonly [number, number]) {
  const tokens = samples.flatMap((sample) => {
    const row = [...sample.promptTokens, ...sample.completionTokens];
    const logprobs = referenceLogprobs(config, parameters, row, sample.temperature);
    return [...sample.completionTokens.keys()]
      .filter((t) => sample.mask[t] === 1)
      .map((t) => {
        const position = sample.promptTokens.length + t;
        const ratio = Math.exp((logprobs[position - 1]?.[row[position] ?? 0] ?? 0) - (sample.samplingLogprobs[t] ?? 0));
        const advantage = sample.tokenAdvantages[t] ?? 0;
        const clipped = Math.min(Math.max(ratio, 1 - low), 1 + high) * advantage;
        return { loss: -Math.min(ratio * advantage, clipped), bound: clipped < ratio * advantage, ratio };
      });
  });
  const mean = (f: (token: (typeof tokens)[number]) => number): number =>
    tokens.reduce((sum, token) => sum + f(token), 0) / tokens.length;
  return {
    tokens: tokens.length,
    loss: mean((t) => t.loss),
    clipped: mean((t) => Number(t.bound)),
    meanRatio: mean((t) => t.ratio),
  };
}

describe('a step', () => {
  it('reports the loss of the formulas', async () => {
    const learner = createLocalLearner(optionsOf());
    const samples = batch(1);
    const stats = await learner.step(samples);
    const expected = lossOf(samples, tensors(), [0.2, 0.28]);
    expect(stats).toMatchObject({ step: 0, updates: 1, learningRate: 1e-2, tokens: expected.tokens });
    expect(stats.loss).toBeCloseTo(expected.loss, 4);
    expect(stats.clipped).toBeCloseTo(expected.clipped, 6);
    expect(stats.meanRatio).toBeCloseTo(expected.meanRatio, 4);
    // After the update, over one row in sixteen.
    const after = lossOf(samples.slice(0, 1), await learner.weights(), [0.2, 0.28]).meanRatio;
    expect(stats.meanRatioAfter).toBeCloseTo(after, 4);
    expect(after).not.toBeCloseTo(lossOf(samples.slice(0, 1), tensors(), [0.2, 0.28]).meanRatio, 3);
    expect(stats.klAfter).toBeGreaterThan(0);
  });

  it('lowers the loss when it is repeated', async () => {
    const learner = createLocalLearner(withLoss(clippedPolicy.create({ clip: [0.99, 100] })));
    const samples = batch(1);
    const first = await learner.step(samples);
    for (let i = 0; i < 5; i++) await learner.step(samples);
    expect((await learner.step(samples)).loss).toBeLessThan(first.loss - 0.1);
  });

  it('is the same for any size of micro-batches, up to rounding', async () => {
    const [small, large] = [
      createLocalLearner(optionsOf({ microTokens: 1 })),
      createLocalLearner(optionsOf({ microTokens: 4096 })),
    ];
    const norms = [(await small.step(batch(1))).gradientNorm, (await large.step(batch(1))).gradientNorm];
    expect(Math.abs((norms[0] ?? 0) / (norms[1] ?? 1) - 1)).toBeLessThan(1e-5);
  });

  it('counts samples without advantage in the mean only', async () => {
    const idle = batch(2).map((sample) => ({ ...sample, tokenAdvantages: new Float32Array(sample.mask.length) }));
    const alone = await createLocalLearner(optionsOf()).step(batch(1));
    const both = await createLocalLearner(optionsOf()).step([...batch(1), ...idle]);
    expect(both.tokens).toBe(alone.tokens);
    const trained = (samples: readonly TrainSample[]) =>
      samples.flatMap(({ mask }) => [...mask]).filter(Boolean).length;
    const share = trained(batch(1)) / (trained(batch(1)) + trained(idle));
    expect(both.gradientNorm / alone.gradientNorm).toBeCloseTo(share, 5);
    const still = createLocalLearner(optionsOf());
    expect(await still.step(idle)).toMatchObject({ updates: 1, tokens: 0, loss: 0, gradientNorm: 0 });
    expect(await weightsDigest(still)).toBe(await weightsDigest(createLocalLearner(optionsOf())));
  });

  it('makes its updates in every epoch; without samples only the schedule advances', async () => {
    const learner = createLocalLearner(optionsOf({ epochs: 3, updatesPerEpoch: 2, warmup: 4 }));
    expect(await learner.step(batch(1))).toMatchObject({ updates: 6, learningRate: 0.25e-2 });
    expect(await learner.step([])).toMatchObject({ updates: 0, learningRate: 0.5e-2, loss: 0 });
    expect(await learner.step(batch(1, 1))).toMatchObject({ step: 2, updates: 3, learningRate: 0.75e-2 });
  });

  it('stays near the reference with a KL term', async () => {
    const drift = async (kl: number): Promise<number> => {
      const learner = createLocalLearner(withLoss(trainingLoss(clippedPolicy.create(), { clip: [0.99, 1e6], kl })));
      const samples = batch(4);
      for (let i = 0; i < 6; i++) await learner.step(samples);
      const before = lossOf(samples, tensors(), [0.99, 1e6]).meanRatio;
      const after = lossOf(samples, await learner.weights(), [0.99, 1e6]).meanRatio;
      return Math.abs(Math.log(after / before));
    };
    const learner = createLocalLearner(withLoss(trainingLoss(clippedPolicy.create(), { clip: [0.2, 0.28], kl: 0.1 })));
    expect((await learner.step(batch(4))).referenceKl).toBeLessThan(1e-9);
    expect((await learner.step(batch(4))).referenceKl).toBeGreaterThan(1e-5);
    expect(await drift(20)).toBeLessThan(await drift(0));
  });

  it('rejects invalid samples by index and changes nothing', async () => {
    const learner = createLocalLearner(optionsOf());
    const before = await weightsDigest(learner);
    const [good, other] = batch(1);
    if (!good || !other) throw new Error('no samples');
    const broken: readonly (readonly [TrainSample, string])[] = [
      [{ ...other, mask: other.mask.subarray(1) }, 'sample 1: mask has 5 entries, expected 6'],
      [{ ...other, completionTokens: other.completionTokens.map(() => 29) }, 'sample 1: token 29, expected 0 to 28'],
      [
        { ...other, samplingLogprobs: other.samplingLogprobs.map(() => Number.NaN) },
        'sample 1: samplingLogprobs[0] is NaN',
      ],
      [sampleOf(1, 60, 20, 29), 'sample 1: 80 tokens, expected at most 64'],
      [{ ...other, promptTokens: new Int32Array() }, 'the prompt is empty'],
    ];
    for (const [sample, message] of broken) await expect(learner.step([good, sample])).rejects.toThrow(message);
    expect(await weightsDigest(learner)).toBe(before);
  });
});

describe('a sample may have', () => {
  it('token weights: 0 takes a token out of the gradient but not out of the mean', async () => {
    const samples = batch(1);
    const masked = samples.map((sample) => ({
      ...sample,
      tokenWeights: Float32Array.from(sample.mask, (_, t) => (t === 0 ? 0 : 1)),
    }));
    const unit = samples.map((sample) => ({ ...sample, tokenWeights: new Float32Array(sample.mask.length).fill(1) }));
    const [plain, same, fewer] = await Promise.all(
      [samples, unit, masked].map((all) => createLocalLearner(optionsOf()).step(all)),
    );
    expect(same).toEqual(plain);
    expect(fewer?.tokens).toBe((plain?.tokens ?? 0) - samples.length);
    const halved = samples.map((sample) => ({
      ...sample,
      tokenWeights: new Float32Array(sample.mask.length).fill(0.5),
    }));
    const half = await createLocalLearner(optionsOf()).step(halved);
    expect(half.gradientNorm).toBeCloseTo((plain?.gradientNorm ?? 0) / 2, 5);
  });

  it('reference log-probabilities, which replace those of the initial weights', async () => {
    const loss = trainingLoss(clippedPolicy.create(), { clip: [0.2, 0.28], kl: 1 });
    const far = batch(1).map((sample) => ({
      ...sample,
      referenceLogprobs: sample.samplingLogprobs.map((value) => value - 1),
    }));
    const stats = await createLocalLearner(withLoss(loss)).step([...far, ...batch(2)]);
    expect(stats.referenceKl).toBeGreaterThan(0.01);
    expect((await createLocalLearner(withLoss(loss)).step(batch(1))).referenceKl).toBeLessThan(1e-9);
  });

  it('distillation targets, which the model approaches', async () => {
    const targets = batch(1).map((sample) => ({
      ...sample,
      tokenAdvantages: new Float32Array(sample.mask.length),
      distillation: {
        k: 2,
        topIds: Int32Array.from({ length: 2 * sample.mask.length }, (_, i) => 3 + (i % 2)),
        topLogprobs: Float32Array.from({ length: 2 * sample.mask.length }, (_, i) => Math.log(i % 2 ? 0.3 : 0.6)),
        tailLogprobs: new Float32Array(sample.mask.length).fill(Math.log(0.1)),
      },
    }));
    const learner = createLocalLearner(withLoss(distillation.create()));
    const first = await learner.step(targets);
    for (let i = 0; i < 30; i++) await learner.step(targets);
    const last = await learner.step(targets);
    expect(last.distillation).toBeCloseTo(last.loss, 6);
    expect(last.loss).toBeLessThan(first.loss / 4);
  });

  it('no distillation targets: a loss that reads them names the sample', async () => {
    const loss = sumLosses([
      [1, clippedPolicy.create()],
      [0.5, distillation.create()],
    ]);
    const learner = createLocalLearner(withLoss(loss));
    await expect(learner.step(batch(1))).rejects.toThrow(
      'sample 0: no distillation targets, which the loss clippedPolicy+0.5*distillation reads',
    );
  });
});

describe('with frozen parameters', () => {
  const trainable = ['model.layers.0.mlp.up_proj.weight', 'model.norm.weight'];

  it('changes the trained ones alone and reports the norm of their gradient', async () => {
    const learner = createLocalLearner({ ...optionsOf(), trainable });
    const before = await learner.weights();
    const { gradientNorm } = await learner.step(batch(1));
    expect(gradientNorm).toBeGreaterThan(0);
    expect(gradientNorm).toBeLessThan((await createLocalLearner(optionsOf()).step(batch(1))).gradientNorm);
    const changed = [...(await learner.weights())].filter(([name, { data }]) => {
      const old = before.get(name)?.data;
      return !old || data.some((value, i) => value !== old[i]);
    });
    expect(changed.map(([name]) => name)).toEqual(trainable);
    expect([...(await learner.gradient(batch(1))).keys()]).toEqual(trainable);
    expect([...before.keys()]).toEqual([...tensors().keys()]);
  });

  it('keeps values and moments of the trained ones in its checkpoint, which another selection cannot read', async () => {
    const folder = join(root, 'frozen');
    const learner = createLocalLearner({ ...optionsOf(), trainable });
    await learner.step(batch(1));
    await learner.saveCheckpoint(folder, null);
    const [state] = readdirSync(folder).filter((name) => name.startsWith('state-'));
    const saved = [...readSafetensors(join(folder, state ?? '')).keys()];
    expect(new Set(saved)).toEqual(
      new Set(trainable.flatMap((name) => ['value', 'first', 'second'].map((part) => `${part}:${name}`))),
    );
    const resumed = createLocalLearner({ ...optionsOf(), trainable });
    await resumed.loadCheckpoint(folder);
    expect(await resumed.step(batch(2))).toEqual(await learner.step(batch(2)));
    expect(await weightsDigest(resumed)).toBe(await weightsDigest(learner));
    await expect(createLocalLearner(optionsOf()).loadCheckpoint(folder)).rejects.toThrow("another model's");
  });

  it('rejects a name that is not a parameter', () => {
    expect(() => createLocalLearner({ ...optionsOf(), trainable: ['lm_heads'] })).toThrow('lm_heads');
  });
});

it('saves its weights as a model folder and returns their digest', async () => {
  const folder = tinyModel({ folder: join(root, 'made-of') });
  const learner = createLocalLearner({ folder, settings: { lr: 1e-2 }, threads: 1 });
  await learner.step(batch(1));
  const copy = join(root, 'written');
  expect(await learner.saveModel(copy)).toBe(modelDigest(copy));
  const { files, parameters } = readModelFolder(copy);
  expect([...files.keys()]).toEqual([...readModelFolder(folder).files.keys()]);
  expect(parameters).toEqual(await learner.weights());
});

it('supervision memorizes texts', async () => {
  const learner = createLocalLearner(optionsOf());
  const texts = batch(9).map((sample) => ({
    tokens: sample.completionTokens,
    mask: new Uint8Array(sample.completionTokens.length).fill(1),
  }));
  const first = await learner.supervise(texts);
  expect(first.tokens).toBe(texts.reduce((sum, { tokens }) => sum + tokens.length - 1, 0));
  for (let i = 0; i < 40; i++) await learner.supervise(texts);
  expect((await learner.supervise(texts)).loss).toBeLessThan(first.loss / 2);
});

describe('the same calls give the same bits', () => {
  const train = async (learner: Learner): Promise<string> => {
    for (const seed of [1, 2, 3]) await learner.step(batch(seed));
    return weightsDigest(learner);
  };

  it('in every run, on one thread or two, on the calling thread or in a separate one', async () => {
    const expected = await train(createLocalLearner(optionsOf()));
    expect(await train(createLocalLearner(optionsOf({}, 2)))).toBe(expected);
    const learner = await createLearner(optionsOf());
    expect(await train(learner)).toBe(expected);
    await learner.close();
  });

  it('on one thread or two with wider matrices', async () => {
    const digests = [];
    for (const threads of [1, 2]) {
      const options = { ...optionsOf({ microTokens: 128 }, threads), config: wider, parameters: tensors(3, wider) };
      digests.push(await train(createLocalLearner(options)));
    }
    expect(digests[1]).toBe(digests[0]);
  });

  it('across a checkpoint', async () => {
    const folder = join(root, 'resumed');
    const whole = createLocalLearner(optionsOf({ schedule: 'cosine', totalSteps: 5 }));
    await whole.step(batch(1));
    await whole.saveCheckpoint(folder, { advantages: '17' });
    const resumed = createLocalLearner(optionsOf({ schedule: 'cosine', totalSteps: 5 }));
    await resumed.step(batch(8));
    expect(await resumed.loadCheckpoint(folder)).toEqual({ step: 1, offsets: { advantages: '17' } });
    expect(await resumed.step(batch(2))).toEqual(await whole.step(batch(2)));
    expect(await weightsDigest(resumed)).toBe(await weightsDigest(whole));
  });
});

describe('a checkpoint', () => {
  it('replaces the previous one and nothing else in its folder', async () => {
    const folder = join(root, 'replaced');
    const learner = createLocalLearner(optionsOf());
    await learner.saveCheckpoint(folder, 1);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await learner.step(batch(1));
    await learner.saveCheckpoint(folder, 2);
    expect(readdirSync(folder).sort()).toEqual(['checkpoint.json', 'notes.txt', expect.stringMatching(/^state-/)]);
    expect(await learner.loadCheckpoint(folder)).toEqual({ step: 1, offsets: 2 });
  });

  it('is rejected if missing, truncated, altered or of another model, and changes nothing', async () => {
    const folder = join(root, 'broken');
    const learner = createLocalLearner(optionsOf());
    const before = await weightsDigest(learner);
    const refused = async (message: string): Promise<void> => {
      const error = await learner.loadCheckpoint(folder).catch((reason) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toContain(message);
      expect(await weightsDigest(learner)).toBe(before);
    };
    await refused('the file is missing');
    const trained = createLocalLearner(optionsOf());
    await trained.step(batch(1));
    const save = async (): Promise<string> => {
      await trained.saveCheckpoint(folder, null);
      return join(folder, readdirSync(folder).find((name) => name.startsWith('state-')) ?? '');
    };
    const file = await save();
    truncateSync(file, 1000);
    await refused('truncated or altered');
    const bytes = readFileSync(await save());
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await refused('truncated or altered');
    await save();
    const head = join(folder, 'checkpoint.json');
    writeFileSync(head, readFileSync(head, 'utf8').replace('\\"step\\":1', '\\"step\\":2'));
    await refused('altered: its digest does not match');
    const other = { ...optionsOf(), config: wider, parameters: tensors(3, wider) };
    await createLocalLearner(other).saveCheckpoint(folder, null);
    await refused("another model's");
  });
});

describe('in a separate thread', () => {
  it('does not block the event loop, and keeps error codes', async () => {
    const learner = await createLearner(optionsOf());
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await learner.step(batch(1));
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(1);
    await expect(learner.loadCheckpoint(join(root, 'nowhere'))).rejects.toMatchObject({
      name: 'UserError',
      code: 'bad-checkpoint',
    });
    await learner.close();
    await expect(learner.step([])).rejects.toThrow('the workers were closed');
  });

  it('rejects a missing model', async () => {
    const { settings } = optionsOf();
    await expect(createLearner({ folder: join(root, 'none'), settings, threads: 1 })).rejects.toMatchObject({
      code: 'bad-model-folder',
    });
  });
});
