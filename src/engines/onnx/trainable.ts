import { type AdaptedConfig, adaptedShapes, adapterShapes, trainedNames } from '../../models/lora/lora.js';
import type { Tensors } from '../../models/safetensors.js';
import { UserError } from '../../support/errors.js';
import { at, get } from '../../support/required.js';
import type { CompiledLoss, LossSums, TrainableModel, TrainRow } from '../trainable.js';
import { adamW, type ParameterState } from './adamw.js';
import type { Graph } from './graph/builder.js';
import { scoreGraph } from './graph/score.js';
import { gradientName, metricName } from './graph/train.js';
import { createSession, type Session, type SessionTensor } from './session.js';
import { batchFeeds, microBatches } from './train-batches.js';

export interface OnnxTrainableOptions {
  readonly config: AdaptedConfig;
  /** The whole model, adapters included; copied where they are trained. */
  readonly parameters: Tensors;
  /** Names of the parameters to train; by default the adapters or, without any, all. */
  readonly trainable?: readonly string[];
  /** Threads of one operator. The bits do not depend on it. */
  readonly threads: number;
  /** Tokens, padding included, in one run of the model: memory against speed. */
  readonly microTokens: number;
}

interface Trainable {
  readonly options: OnnxTrainableOptions;
  /** Trainable parameters, in the model's order. */
  readonly states: ReadonlyMap<string, ParameterState>;
  /** All parameters, those that are trained over their state's memory. */
  readonly feeds: ReadonlyMap<string, SessionTensor>;
  readonly gradients: ReadonlyMap<string, SessionTensor>;
  /** A second set of gradients, which only steps of several micro-batches need. */
  partial: ReadonlyMap<string, SessionTensor> | undefined;
  readonly sessions: Map<string, Promise<Session>>;
}

/**
 * A trainable model on onnxruntime, on the calling thread, in memory: the runtime reads parameters and writes gradients
 * in place. Rerun, on one thread or several, it gives the same bits.
 * @throws {UserError} `bad-trainable` for a name that is no parameter
 */
export function createOnnxTrainable(options: OnnxTrainableOptions): TrainableModel<Graph> {
  const model = openState(options);
  const { config } = options;
  const shapes = adaptedShapes(config);
  const shapesOf = (names: Iterable<string>) => new Map([...names].map((name) => [name, get(shapes, name)]));
  return {
    config,
    trainable: () => shapesOf(model.states.keys()),
    differentiate: (loss, rows) => differentiate(model, loss, rows),
    update: async (settings, rate, count) => adamW(model.states, settings, rate, count),
    reference: (rows) => score(model, rows),
    async read(state) {
      return new Map([...model.states].map(([name, of]) => [name, { shape: get(shapes, name), data: of[state] }]));
    },
    async write(state, tensors) {
      for (const [name, of] of model.states) of[state].set(get(tensors, name).data);
    },
    async weights() {
      return new Map(
        [...options.parameters].map(([name, { shape, data }]) => [
          name,
          { shape, data: model.states.get(name)?.value ?? data },
        ]),
      );
    },
    async close() {
      for (const session of model.sessions.values()) await (await session).close();
      model.sessions.clear();
    },
  };
}

function openState(options: OnnxTrainableOptions): Trainable {
  const { config, parameters, trainable = trainedNames(config) } = options;
  const shapes = adaptedShapes(config);
  const known = config.lora ? adapterShapes(config, config.lora) : shapes;
  const unknown = trainable.find((name) => !known.has(name));
  if (unknown !== undefined || trainable.length === 0)
    throw new UserError(
      'bad-trainable',
      `trainable: ${unknown ?? 'no parameter is named'}; expected names of parameters such as ` +
        `${at([...known.keys()], 0)}`,
    );
  const trained = new Set(trainable);
  const states = new Map<string, ParameterState>();
  const feeds = new Map<string, SessionTensor>();
  const gradients = new Map<string, SessionTensor>();
  for (const [name, shape] of shapes) {
    const data = parameters.get(name)?.data;
    const length = shape.reduce((product, n) => product * n, 1);
    if (data?.length !== length) throw new RangeError(`${name}: ${data?.length ?? 0} numbers, expected [${shape}]`);
    if (!trained.has(name)) {
      feeds.set(name, { data, shape });
      continue;
    }
    const zeros = (): Float32Array => new Float32Array(length);
    const state = { value: data.slice(), gradient: zeros(), first: zeros(), second: zeros() };
    feeds.set(name, { data: state.value, shape });
    states.set(name, state);
    gradients.set(gradientName(name), { data: state.gradient, shape });
  }
  return { options, states, feeds, gradients, partial: undefined, sessions: new Map() };
}

function sessionOf(model: Trainable, key: string, graph: () => Graph): Promise<Session> {
  const known = model.sessions.get(key);
  if (known) return known;
  const session = createSession(graph(), { threads: model.options.threads });
  model.sessions.set(key, session);
  return session;
}

async function differentiate(
  model: Trainable,
  loss: CompiledLoss<Graph>,
  rows: readonly TrainRow[],
): Promise<LossSums> {
  const session = await sessionOf(model, loss.id, () => loss.program);
  const sums: Sums = { tokens: 0, loss: 0, metrics: new Map(loss.metrics.map((name) => [name, 0])) };
  const batches = microBatches(rows, model.options.microTokens);
  if (batches.length === 0) for (const { gradient } of model.states.values()) gradient.fill(0);
  for (const [i, batch] of batches.entries()) {
    if (i > 0) model.partial ??= emptyGradients(model);
    const outputs = await session.run(
      new Map([...model.feeds, ...batchFeeds(batch)]),
      i === 0 ? model.gradients : model.partial,
    );
    if (i > 0 && model.partial) addGradients(model.gradients, model.partial);
    addTokens(batch, outputs, sums);
  }
  return { ...sums, metrics: Object.fromEntries(sums.metrics) };
}

const emptyGradients = ({ gradients }: Trainable): ReadonlyMap<string, SessionTensor> =>
  new Map([...gradients].map(([name, { data, shape }]) => [name, { data: new Float32Array(data.length), shape }]));

function addGradients(sums: ReadonlyMap<string, SessionTensor>, parts: ReadonlyMap<string, SessionTensor>): void {
  for (const name of sums.keys()) {
    const [sum, part] = [floats(sums, name), floats(parts, name)];
    // An accessor that throws would cost speed here; the graph fixes both lengths.
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (part[i] ?? 0);
  }
}

interface Sums {
  tokens: number;
  loss: number;
  readonly metrics: Map<string, number>;
}

/** Adds a batch's trained tokens to the sums. */
function addTokens(batch: readonly TrainRow[], outputs: ReadonlyMap<string, SessionTensor>, sums: Sums): void {
  const { data: values, width } = perToken(outputs, 'value');
  const metrics = [...sums.metrics.keys()].map((name) => ({ name, values: perToken(outputs, metricName(name)).data }));
  for (const [row, { weights, id = `row ${row}` }] of batch.entries()) {
    for (const [t, weight] of weights.entries()) {
      if (weight === 0) continue;
      const value = at(values, row * width + t);
      if (!Number.isFinite(value))
        throw new UserError(
          'not-finite',
          `sample ${id}: the loss of token ${t + 1} is ${value}, expected a finite number; the weights are ` +
            'unchanged. Lower learn.lr, or look for extreme advantages',
        );
      sums.tokens++;
      sums.loss += weight * value;
      for (const metric of metrics)
        sums.metrics.set(metric.name, get(sums.metrics, metric.name) + at(metric.values, row * width + t));
    }
  }
}

function perToken(outputs: ReadonlyMap<string, SessionTensor>, name: string): { data: Float64Array; width: number } {
  const { data, shape } = get(outputs, name);
  if (!(data instanceof Float64Array)) throw new TypeError(`${name}: the graph gave no float64`);
  return { data, width: at(shape, 1) };
}

function floats(tensors: ReadonlyMap<string, SessionTensor>, name: string): Float32Array {
  const { data } = get(tensors, name);
  if (!(data instanceof Float32Array)) throw new TypeError(`${name}: the graph gave no float32`);
  return data;
}

/** Scores rows under the parameters that the model was opened with. */
async function score(model: Trainable, rows: readonly TrainRow[]): Promise<ReadonlyMap<TrainRow, Float32Array>> {
  const { config, parameters, microTokens } = model.options;
  const session = await sessionOf(model, 'score', () => scoreGraph(config));
  const scores = new Map<TrainRow, Float32Array>();
  for (const batch of microBatches(rows, microTokens)) {
    const outputs = await session.run(new Map<string, SessionTensor>([...parameters, ...batchFeeds(batch)]));
    const logprobs = floats(outputs, 'logprobs');
    const width = at(get(outputs, 'logprobs').shape, 1);
    for (const [i, row] of batch.entries())
      scores.set(row, logprobs.slice(i * width, i * width + row.tokens.length - 1));
  }
  return scores;
}
