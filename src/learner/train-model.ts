import type { CompiledLoss, LossSums, TrainableModel, TrainRow } from '../engines/trainable.js';
import { type ModelFolder, writeModelFolder } from '../models/folder.js';
import { writeAdapter } from '../models/lora/folder.js';
import type { Tensors } from '../models/safetensors.js';
import { writing } from '../support/disk.js';
import { at, get, required } from '../support/required.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { LearnedAdapter, Learner, StepStats } from './learner.js';
import { checkCarries, checkSample, checkSupervised, policyRows, supervisedRows, type TrainSample } from './samples.js';
import { type LearnerSettings, learningRate } from './settings.js';

export interface TrainModelOptions<Program> {
  readonly settings: LearnerSettings;
  readonly loss: CompiledLoss<Program>;
  /** Cross-entropy, compiled when `supervise` is first called. */
  readonly supervised: () => CompiledLoss<Program>;
  /** What `saveModel` writes besides the numbers: other files, and the types that the weights came in. */
  readonly base: Pick<ModelFolder, 'files' | 'dtypes'>;
  /** The adapter that is trained, where not the whole model is: all that `saveModel` writes. */
  readonly adapter?: LearnedAdapter;
}

interface Update extends LossSums {
  readonly gradientNorm: number;
}

/** A learner over a model that any engine trains: schedule, epochs, updates, statistics and checkpoints. */
export function trainModel<Program>(model: TrainableModel<Program>, options: TrainModelOptions<Program>): Learner {
  const { settings, loss, base, adapter } = options;
  const { config } = model;
  let step = 0;
  let updates = 0;
  let crossEntropy: CompiledLoss<Program> | undefined;

  const update = async (objective: CompiledLoss<Program>, rows: readonly TrainRow[], rate: number): Promise<Update> => {
    const sums = await model.differentiate(objective, rows);
    const gradientNorm = await model.update(settings, rate, updates + 1);
    updates++;
    return { ...sums, gradientNorm };
  };
  const check = (samples: readonly TrainSample[]): void => {
    for (const [i, sample] of samples.entries()) checkSample(sample, i, config);
    checkCarries(samples, loss);
  };
  const rowsOf = (samples: readonly TrainSample[]): Promise<TrainRow[]> =>
    trainedRows(model, loss, policyRows(samples, settings.aggregate, loss));

  return {
    async step(samples) {
      check(samples);
      const rate = learningRate(settings, step);
      const shares: TrainRow[][] = [];
      for (const share of split(samples, settings.updatesPerEpoch)) shares.push(await rowsOf(share));
      const made: Update[] = [];
      for (let epoch = 0; epoch < settings.epochs; epoch++)
        for (const rows of shares) made.push(await update(loss, rows, rate));
      const after = made.length === 0 ? {} : await metricsAfter(model, loss, measuredRows(shares.flat(), step));
      return { ...after, ...stepStats(step++, rate, made) };
    },
    async supervise(samples) {
      for (const [i, sample] of samples.entries()) checkSupervised(sample, i, config);
      crossEntropy ??= options.supervised();
      const rate = learningRate(settings, step);
      const made = await update(crossEntropy, supervisedRows(samples), rate);
      return {
        step: step++,
        learningRate: rate,
        tokens: made.tokens,
        loss: made.loss,
        gradientNorm: made.gradientNorm,
      };
    },
    async gradient(samples) {
      check(samples);
      await model.differentiate(loss, await rowsOf(samples));
      return copied(await model.read('gradient'));
    },
    weights: async () => copied(await model.weights()),
    async saveModel(folder) {
      if (adapter) {
        // What `trainable` leaves out is as it was.
        const parameters = new Map([...adapter.parameters, ...(await model.read('value'))]);
        return writing(folder, () => writeAdapter(folder, { ...adapter, parameters }, adapter.base));
      }
      const parameters = await model.weights();
      return writing(folder, () => writeModelFolder(folder, { ...base, config, parameters }));
    },
    saveCheckpoint: (folder, offsets) => writeCheckpoint(folder, model, { step, updates, offsets }),
    async loadCheckpoint(folder) {
      const progress = await readCheckpoint(folder, model);
      ({ step, updates } = progress);
      return { step, offsets: progress.offsets };
    },
    close: () => model.close(),
  };
}

/** Rows that have a gradient, with the reference's scores where the loss reads them and a sample brought none. */
async function trainedRows<Program>(
  model: TrainableModel<Program>,
  loss: CompiledLoss<Program>,
  rows: readonly TrainRow[],
): Promise<TrainRow[]> {
  const trained = rows.filter(({ inputs, weights }) =>
    (loss.needsAdvantage ? get(inputs, 'tokenAdvantages') : weights).some((value) => value !== 0),
  );
  if (!loss.inputs.includes('referenceLogprobs')) return trained;
  const scores = await model.reference(trained.filter(({ inputs }) => !inputs.has('referenceLogprobs')));
  return trained.map((row) => {
    const score = scores.get(row);
    return score ? { ...row, inputs: new Map([...row.inputs, ['referenceLogprobs', score]]) } : row;
  });
}

/** `count` runs of neighbours, as equal as can be, none empty. */
function split<T>(items: readonly T[], count: number): T[][] {
  const runs = Array.from({ length: count }, (_, i) =>
    items.slice(Math.round((i * items.length) / count), Math.round(((i + 1) * items.length) / count)),
  );
  return runs.filter((run) => run.length > 0);
}

/** One row in so many is measured again after the updates: enough for a mean over steps, at little cost. */
const MEASURED = 16;

/** Other places in each step, so that no part of the batch is left out over the steps. */
function measuredRows(rows: readonly TrainRow[], step: number): TrainRow[] {
  const first = step % Math.min(MEASURED, rows.length);
  return rows.filter((_, i) => i >= first && (i - first) % MEASURED === 0);
}

/** The loss's metrics after the updates of a step, by name with `After`. */
async function metricsAfter<Program>(
  model: TrainableModel<Program>,
  loss: CompiledLoss<Program>,
  rows: readonly TrainRow[],
): Promise<Record<string, number>> {
  if (rows.length === 0) return {};
  const { tokens, metrics } = await model.differentiate(loss, rows);
  if (tokens === 0) return {};
  return Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [`${name}After`, sum / tokens]));
}

function stepStats(step: number, learningRate: number, made: readonly Update[]): StepStats {
  const sum = (of: (update: Update) => number): number => made.reduce((total, update) => total + of(update), 0);
  const mean = (of: (update: Update) => number): number => sum(of) / Math.max(1, made.length);
  const tokens = sum((update) => update.tokens);
  const names = tokens === 0 ? [] : Object.keys(at(made, 0).metrics);
  return {
    ...Object.fromEntries(
      names.map((name) => [name, sum(({ metrics }) => required(metrics[name], `metric ${name}`)) / tokens]),
    ),
    step,
    updates: made.length,
    learningRate,
    tokens,
    loss: mean((update) => update.loss),
    gradientNorm: mean((update) => update.gradientNorm),
  };
}

const copied = (tensors: Tensors): Tensors =>
  new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
