import { scoreGraph } from '../engines/onnx/graph/score.js';
import { gradientName } from '../engines/onnx/graph/train.js';
import { createSession, type Session, type Tensor } from '../engines/onnx/session.js';
import { type ModelConfig, parameterShapes } from '../models/config.js';
import { adamW, type Trained } from './adamw.js';
import { microBatches, type Row } from './samples.js';
import type { LearnSettings } from './settings.js';

/** Weights and moments by parameter, in the model's order. */
export type TrainedModel = ReadonlyMap<string, Trained>;

/** Copies `parameters` and sets the moments to 0. */
export function trainedModel(config: ModelConfig, parameters: ReadonlyMap<string, Float32Array>): TrainedModel {
  return new Map(
    [...parameterShapes(config)].map(([name, shape]) => {
      const value = parameters.get(name)?.slice();
      const length = shape.reduce((product, n) => product * n, 1);
      if (value?.length !== length) throw new RangeError(`${name}: ${value?.length ?? 0} numbers for [${shape}]`);
      const zeros = (): Float32Array => new Float32Array(length);
      return [name, { value, gradient: zeros(), first: zeros(), second: zeros() }];
    }),
  );
}

/** The weights as feeds, over the same memory. */
export function feedsOf(config: ModelConfig, weights: ReadonlyMap<string, Float32Array>): Map<string, Tensor> {
  return new Map(
    [...parameterShapes(config)].map(([name, dims]) => [name, { data: weights.get(name) ?? new Float32Array(), dims }]),
  );
}

/** Rows as one batch: what each row lacks in length is padded on the right with zeros. */
function batchFeeds(rows: readonly Row[]): Map<string, Tensor> {
  const width = Math.max(...rows.map(({ tokens }) => tokens.length)) - 1;
  const dims = [rows.length, width];
  const tokens = new BigInt64Array(rows.length * width);
  const targets = new BigInt64Array(rows.length * width);
  const feeds = new Map<string, Tensor>([
    ['tokens', { data: tokens, dims }],
    ['targets', { data: targets, dims }],
    ['temperature', { data: Float32Array.of(rows[0]?.temperature ?? 1), dims: [1] }],
  ]);
  for (const name of rows[0]?.inputs.keys() ?? []) {
    const data = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) data.set(row.inputs.get(name) ?? [], i * width);
    feeds.set(name, { data, dims });
  }
  for (const [i, row] of rows.entries()) {
    for (let t = 0; t + 1 < row.tokens.length; t++) {
      tokens[i * width + t] = BigInt(row.tokens[t] ?? 0);
      targets[i * width + t] = BigInt(row.tokens[t + 1] ?? 0);
    }
  }
  return feeds;
}

async function eachBatch(
  session: Session,
  rows: readonly Row[],
  microTokens: number,
  feeds: ReadonlyMap<string, Tensor>,
  fetches: (batch: number) => ReadonlyMap<string, Tensor> | undefined,
  done: (batch: number) => void,
): Promise<Map<Row, Float32Array>> {
  const logprobs = new Map<Row, Float32Array>();
  for (const [i, batch] of microBatches(rows, microTokens).entries()) {
    const outputs = await session.run(new Map([...feeds, ...batchFeeds(batch)]), fetches(i));
    const { data, dims } = outputs.get('logprobs') ?? { data: new Float32Array(), dims: [] };
    const width = dims[1] ?? 0;
    for (const [r, row] of batch.entries()) {
      logprobs.set(row, Float32Array.from(data.subarray(r * width, r * width + row.tokens.length - 1), Number));
    }
    done(i);
  }
  return logprobs;
}

/** Scores rows under fixed weights. */
export async function createScorer(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  threads: number,
): Promise<(rows: readonly Row[], microTokens: number) => Promise<Map<Row, Float32Array>>> {
  const session = await createSession(scoreGraph(config), { threads });
  const feeds = feedsOf(config, weights);
  return (rows, microTokens) =>
    eachBatch(
      session,
      rows,
      microTokens,
      feeds,
      () => undefined,
      () => {},
    );
}

/** Log-probabilities of each row under the weights as they are. */
export type Scores = ReadonlyMap<Row, Float32Array>;

export interface Update {
  /** Log-probabilities of each row before the update. */
  readonly logprobs: Scores;
  /** L2 norm of the gradient before scaling. */
  readonly gradientNorm: number;
}

/**
 * Sets the gradients of `model`: those of micro-batches of the rows, added up. The same rows in the same order give the same bits.
 */
export function createGradient(
  config: ModelConfig,
  model: TrainedModel,
  session: Session,
  { microTokens }: Pick<LearnSettings, 'microTokens'>,
): (rows: readonly Row[]) => Promise<Scores> {
  const weights = new Map([...model].map(([name, { value }]) => [name, value]));
  const feeds = feedsOf(config, weights);
  const fetchesOf = (of: (name: string, trained: Trained) => Float32Array): Map<string, Tensor> =>
    new Map(
      [...parameterShapes(config)].flatMap(([name, dims]) => {
        const trained = model.get(name);
        return trained ? [[gradientName(name), { data: of(name, trained), dims }]] : [];
      }),
    );
  const sums = fetchesOf((_, { gradient }) => gradient);
  // Only steps of several micro-batches need a second set of gradients.
  let parts: Map<string, Tensor> | undefined;
  const addParts = (): void => {
    for (const [name, { data: sum }] of sums) {
      const part = parts?.get(name)?.data;
      if (!(sum instanceof Float32Array) || !(part instanceof Float32Array)) continue;
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (part[i] ?? 0);
    }
  };
  return (rows) => {
    if (rows.length === 0) for (const { gradient } of model.values()) gradient.fill(0);
    return eachBatch(
      session,
      rows,
      microTokens,
      feeds,
      (batch) => {
        if (batch === 0) return sums;
        parts ??= fetchesOf((_, { gradient }) => new Float32Array(gradient.length));
        return parts;
      },
      (batch) => {
        if (batch > 0) addParts();
      },
    );
  };
}

/** Makes updates of `model` in place: gradients of the rows, then AdamW. The same rows in the same order give the same bits. */
export function createOptimizer(
  config: ModelConfig,
  model: TrainedModel,
  session: Session,
  settings: LearnSettings,
): (rows: readonly Row[], rate: number, update: number) => Promise<Update> {
  const differentiate = createGradient(config, model, session, settings);
  return async (rows, rate, update) => {
    const logprobs = await differentiate(rows);
    return { logprobs, gradientNorm: adamW([...model.values()], settings, rate, update) };
  };
}
