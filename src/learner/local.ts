import { superviseGraph, trainGraph } from '../engines/onnx/graph/train.js';
import { createSession } from '../engines/onnx/session.js';
import { type ModelConfig, parameterShapes } from '../models/config.js';
import { type ModelFolder, readModelFolder, writeModelFolder } from '../models/folder.js';
import type { Tensors } from '../models/safetensors.js';
import { writing } from '../support/disk.js';
import type { Trained } from './adamw.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Learner, LearnerOptions, StepStats, SuperviseStats } from './learner.js';
import {
  createGradient,
  createOptimizer,
  createScorer,
  type TrainedModel,
  trainedModel,
  type Update,
} from './optimizer.js';
import { checkSample, checkSupervised, policyRows, type Row, supervisedRows, type TrainSample } from './samples.js';
import { checkSettings, type LearnSettings, learningRate } from './settings.js';

/** Sums over trained tokens of one or more updates. */
interface Tally {
  tokens: number;
  clipped: number;
  ratio: number;
  kl: number;
  referenceKl: number;
}

/** Adds one update's tokens to the tally. @returns the loss that was stepped on */
function tally(settings: LearnSettings, { logprobs }: Update, sums: Tally): number {
  const [low, high] = settings.clip;
  let loss = 0;
  for (const [{ inputs }, now] of logprobs) {
    const weights = inputs.get('weights') ?? [];
    for (const [t, logprob] of now.entries()) {
      const weight = weights[t] ?? 0;
      if (weight === 0) continue;
      const advantage = inputs.get('tokenAdvantages')?.[t] ?? 0;
      const difference = logprob - (inputs.get('samplingLogprobs')?.[t] ?? 0);
      const ratio = Math.exp(difference);
      const bounded = Math.min(Math.max(ratio, 1 - low), 1 + high) * advantage;
      const reference = inputs.get('referenceLogprobs');
      const away = reference ? (reference[t] ?? 0) - logprob : 0;
      const referenceKl = Math.exp(away) - away - 1;
      loss += weight * (-Math.min(ratio * advantage, bounded) + settings.kl * referenceKl);
      sums.tokens++;
      sums.clipped += bounded < ratio * advantage ? 1 : 0;
      sums.ratio += ratio;
      // The k3 estimate of KL(sampled || now), from draws of the sampled policy.
      sums.kl += ratio - 1 - difference;
      sums.referenceKl += referenceKl;
    }
  }
  return loss;
}

/** `count` runs of neighbours, as equal as can be, none empty. */
function split<T>(items: readonly T[], count: number): T[][] {
  const runs = Array.from({ length: count }, (_, i) =>
    items.slice(Math.round((i * items.length) / count), Math.round(((i + 1) * items.length) / count)),
  );
  return runs.filter((run) => run.length > 0);
}

interface Origin {
  readonly config: ModelConfig;
  readonly files: ModelFolder['files'];
  readonly weights: Map<string, Float32Array>;
}

function originOf(options: LearnerOptions): Origin {
  const { config, files, parameters } =
    'folder' in options ? readModelFolder(options.folder) : { ...options, files: new Map() };
  return { config, files, weights: new Map([...parameters].map(([name, { data }]) => [name, data])) };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** A learner on the calling thread, which stands still while it works; `createLearner` gives it a thread of its own. */
export function createLocalLearner(options: LearnerOptions): Learner {
  const { settings, threads } = options;
  checkSettings(settings);
  const { config, files, weights } = originOf(options);
  const model: TrainedModel = trainedModel(config, weights);
  let step = 0;
  let updates = 0;

  const policySession = once(() => createSession(trainGraph(config, settings), { threads }));
  const policyOptimizer = once(async () => createOptimizer(config, model, await policySession(), settings));
  const supervisedOptimizer = once(async () =>
    createOptimizer(config, model, await createSession(superviseGraph(config), { threads }), settings),
  );
  // The penalty's reference is what the learner was made with, a checkpoint loaded later notwithstanding.
  const reference = once(() =>
    createScorer(config, new Map([...weights].map(([name, data]) => [name, data.slice()])), threads),
  );

  const rowsOf = async (samples: readonly TrainSample[]): Promise<Row[]> => {
    const rows = policyRows(samples, settings.aggregate);
    if (settings.kl === 0) {
      // A sample without any advantage has no gradient; it counts in the mean all the same.
      return rows.filter(({ inputs }) => inputs.get('tokenAdvantages')?.some((advantage) => advantage !== 0));
    }
    const trained = rows.filter(({ inputs }) => inputs.get('weights')?.some((weight) => weight !== 0));
    const scores = await (await reference())(trained, settings.microTokens);
    return trained.map((row) => ({
      ...row,
      inputs: new Map([...row.inputs, ['referenceLogprobs', scores.get(row) ?? new Float32Array()]]),
    }));
  };

  const tensorsOf = (of: (trained: Trained) => Float32Array): Tensors =>
    new Map(
      [...parameterShapes(config)].map(([name, shape]) => {
        const trained = model.get(name);
        return [name, { shape, data: trained ? of(trained) : new Float32Array() }];
      }),
    );

  return {
    async step(samples): Promise<StepStats> {
      for (const [i, sample] of samples.entries()) checkSample(sample, i, config);
      const rate = learningRate(settings, step);
      const optimize = await policyOptimizer();
      const miniBatches = await Promise.all(split(samples, settings.miniBatches).map(rowsOf));
      const sums: Tally = { tokens: 0, clipped: 0, ratio: 0, kl: 0, referenceKl: 0 };
      const made: { loss: number; gradientNorm: number }[] = [];
      for (let epoch = 0; epoch < settings.epochs; epoch++) {
        for (const rows of miniBatches) {
          const update = await optimize(rows, rate, updates + 1);
          updates++;
          made.push({ loss: tally(settings, update, sums), gradientNorm: update.gradientNorm });
        }
      }
      step++;
      const mean = (values: readonly number[]): number =>
        values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
      const perToken = (sum: number): number => sum / Math.max(1, sums.tokens);
      return {
        step: step - 1,
        updates: made.length,
        learningRate: rate,
        tokens: sums.tokens,
        loss: mean(made.map(({ loss }) => loss)),
        gradientNorm: mean(made.map(({ gradientNorm }) => gradientNorm)),
        clipped: perToken(sums.clipped),
        meanRatio: sums.tokens === 0 ? 1 : perToken(sums.ratio),
        kl: perToken(sums.kl),
        referenceKl: perToken(sums.referenceKl),
      };
    },
    async supervise(samples): Promise<SuperviseStats> {
      for (const [i, sample] of samples.entries()) checkSupervised(sample, i, config);
      const optimize = await supervisedOptimizer();
      const rate = learningRate(settings, step);
      const { logprobs, gradientNorm } = await optimize(supervisedRows(samples), rate, updates + 1);
      updates++;
      step++;
      let loss = 0;
      let tokens = 0;
      for (const [{ inputs }, now] of logprobs) {
        for (const [t, weight] of (inputs.get('weights') ?? []).entries()) {
          loss -= weight * (now[t] ?? 0);
          tokens += weight === 0 ? 0 : 1;
        }
      }
      return { step: step - 1, learningRate: rate, tokens, loss, gradientNorm };
    },
    async gradient(samples): Promise<Tensors> {
      for (const [i, sample] of samples.entries()) checkSample(sample, i, config);
      await createGradient(config, model, await policySession(), settings)(await rowsOf(samples));
      return tensorsOf(({ gradient }) => gradient.slice());
    },
    async saveModel(folder) {
      return writing(folder, () =>
        writeModelFolder(folder, { config, files, parameters: tensorsOf(({ value }) => value) }),
      );
    },
    weights: async () => tensorsOf(({ value }) => value.slice()),
    async saveCheckpoint(folder, offsets) {
      writing(folder, () => writeCheckpoint(folder, config, model, { step, updates, offsets }));
    },
    async loadCheckpoint(folder) {
      const position = readCheckpoint(folder, config, model);
      ({ step, updates } = position);
      return { step, offsets: position.offsets };
    },
    async close() {},
  };
}
