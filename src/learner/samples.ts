import type { ModelConfig } from '../models/config.js';
import { UserError } from '../support/errors.js';
import type { LearnSettings } from './settings.js';

/** One completion to learn from; arrays have one entry a completion token. */
export interface TrainSample {
  readonly promptTokens: Int32Array;
  readonly completionTokens: Int32Array;
  /** 1: the token trains. */
  readonly mask: Uint8Array;
  /** Natural logs under `temperature`, as sampled. */
  readonly samplingLogprobs: Float32Array;
  readonly tokenAdvantages: Float32Array;
  readonly temperature: number;
}

/** One text to imitate. */
export interface SupervisedSample {
  readonly tokens: Int32Array;
  /** 1: the token is learnt; the first token has nothing before it and is not. */
  readonly mask: Uint8Array;
}

/** A sequence as the graphs take it: `tokens` of length T + 1, whose first T are read and last T predicted. */
export interface Row {
  readonly tokens: Int32Array;
  readonly temperature: number;
  /** Further inputs by name, each of length T, in the order of the predicted tokens. */
  readonly inputs: ReadonlyMap<string, Float32Array>;
}

function checkRow(tokens: Int32Array, config: ModelConfig, fail: (what: string) => never): void {
  if (tokens.length < 2) fail(`has ${tokens.length} tokens; expected two at least`);
  if (tokens.length > config.maxPositionEmbeddings) {
    fail(`has ${tokens.length} tokens; the model takes ${config.maxPositionEmbeddings}`);
  }
  const odd = tokens.find((token) => token < 0 || token >= config.vocabSize);
  if (odd !== undefined) fail(`has token ${odd}; the vocabulary has ${config.vocabSize}`);
}

/** @throws {UserError} `train-sample` naming the sample by its index */
export function checkSample(sample: TrainSample, index: number, config: ModelConfig): void {
  const fail = (what: string): never => {
    throw new UserError('train-sample', `sample ${index} ${what}`);
  };
  const { promptTokens, completionTokens, mask, samplingLogprobs, tokenAdvantages, temperature } = sample;
  if (promptTokens.length === 0) fail('has an empty prompt');
  checkRow(joined(sample), config, fail);
  for (const [name, { length }] of Object.entries({ mask, samplingLogprobs, tokenAdvantages })) {
    if (length !== completionTokens.length) fail(`has ${length} of ${name} for ${completionTokens.length} tokens`);
  }
  for (const [name, values] of Object.entries({ samplingLogprobs, tokenAdvantages })) {
    const at = values.findIndex((value, t) => mask[t] === 1 && !Number.isFinite(value));
    if (at >= 0) fail(`has ${name}[${at}] = ${values[at]}; expected a finite number`);
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) fail(`has temperature ${temperature}; expected 0 or more`);
}

/** @throws {UserError} `train-sample` naming the sample by its index */
export function checkSupervised({ tokens, mask }: SupervisedSample, index: number, config: ModelConfig): void {
  const fail = (what: string): never => {
    throw new UserError('train-sample', `sample ${index} ${what}`);
  };
  checkRow(tokens, config, fail);
  if (mask.length !== tokens.length) fail(`has ${mask.length} of mask for ${tokens.length} tokens`);
}

function joined({ promptTokens, completionTokens }: TrainSample): Int32Array {
  const tokens = new Int32Array(promptTokens.length + completionTokens.length);
  tokens.set(promptTokens);
  tokens.set(completionTokens, promptTokens.length);
  return tokens;
}

const sum = (mask: Uint8Array): number => mask.reduce((total, bit) => total + (bit ? 1 : 0), 0);

/** Each sample's weight of one trained token, so that all weights of the batch sum to 1. */
export function tokenWeights(masks: readonly Uint8Array[], aggregate: LearnSettings['aggregate']): number[] {
  const counts = masks.map(sum);
  const tokens = counts.reduce((total, count) => total + count, 0);
  const sequences = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : aggregate === 'tokenMean' ? 1 / tokens : 1 / (sequences * count)));
}

/** Rows for the policy loss: zero outside the completion and its mask. */
export function policyRows(samples: readonly TrainSample[], aggregate: LearnSettings['aggregate']): Row[] {
  const weights = tokenWeights(
    samples.map(({ mask }) => mask),
    aggregate,
  );
  return samples.map((sample, i) => {
    const tokens = joined(sample);
    const spread = (value: (t: number) => number): Float32Array => {
      const values = new Float32Array(tokens.length - 1);
      for (const [t, bit] of sample.mask.entries()) if (bit) values[sample.promptTokens.length - 1 + t] = value(t);
      return values;
    };
    return {
      tokens,
      // Greedy completions carry log-probabilities at temperature 1.
      temperature: sample.temperature || 1,
      inputs: new Map([
        ['weights', spread(() => weights[i] ?? 0)],
        ['samplingLogprobs', spread((t) => sample.samplingLogprobs[t] ?? 0)],
        ['tokenAdvantages', spread((t) => sample.tokenAdvantages[t] ?? 0)],
      ]),
    };
  });
}

/** Rows for cross-entropy. */
export function supervisedRows(samples: readonly SupervisedSample[]): Row[] {
  const masks = samples.map(({ mask }) => mask.subarray(1));
  const weights = tokenWeights(masks, 'tokenMean');
  return samples.map(({ tokens }, i) => ({
    tokens,
    temperature: 1,
    inputs: new Map([['weights', Float32Array.from(masks[i] ?? [], (bit) => (bit ? (weights[i] ?? 0) : 0))]]),
  }));
}

/**
 * Groups rows of one temperature and similar length into batches of `microTokens` at most, padding included; a longer row goes alone.
 * The order depends on the rows alone.
 */
export function microBatches<R extends Row>(rows: readonly R[], microTokens: number): R[][] {
  const batches: R[][] = [];
  const sorted = rows.toSorted((a, b) => a.temperature - b.temperature || b.tokens.length - a.tokens.length);
  for (const row of sorted) {
    const batch = batches.at(-1);
    const [longest] = batch ?? [];
    const fits =
      batch &&
      longest?.temperature === row.temperature &&
      (batch.length + 1) * (longest.tokens.length - 1) <= microTokens;
    if (fits) batch.push(row);
    else batches.push([row]);
  }
  return batches;
}
