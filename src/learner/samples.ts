import type { CompiledLoss, TrainRow } from '../engines/trainable.js';
import type { LossInput } from '../losses/expressions.js';
import type { ModelConfig } from '../models/config.js';
import { type DistillationTargets, distillationProblem } from '../records/distillation.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import type { LearnerSettings } from './settings.js';

/** One completion to learn from; arrays have one entry per completion token. */
export interface TrainSample {
  /** Names the sample in messages. Default: its place among those of the call. */
  readonly id?: string;
  readonly promptTokens: Int32Array;
  readonly completionTokens: Int32Array;
  /** 1: the token trains. */
  readonly mask: Uint8Array;
  /** Natural logs under `temperature`, as sampled. */
  readonly samplingLogprobs: Float32Array;
  readonly tokenAdvantages: Float32Array;
  readonly temperature: number;
  /**
   * Factors of each token's weight in the loss, from 0; 1 by default. The mean still counts every token of the mask as
   * one.
   */
  readonly tokenWeights?: Float32Array;
  /**
   * Natural logs under a reference policy, for a loss that reads them; by default under the model that the learner
   * began with.
   */
  readonly referenceLogprobs?: Float32Array;
  /** For a loss that distils. */
  readonly distillation?: DistillationTargets;
}

/** One text to imitate. */
export interface SupervisedSample {
  readonly tokens: Int32Array;
  /** 1: the token is learnt. The first token is not predicted and never is. */
  readonly mask: Uint8Array;
}

type Fail = (problem: string) => never;

function failOf(index: number | string): Fail {
  return (problem) => {
    throw new UserError('train-sample', `sample ${index}: ${problem}`);
  };
}

function checkTokens(tokens: Int32Array, config: ModelConfig, fail: Fail): void {
  if (tokens.length < 2) fail(`${tokens.length} tokens, expected at least 2`);
  if (tokens.length > config.maxPositionEmbeddings)
    fail(`${tokens.length} tokens, expected at most ${config.maxPositionEmbeddings}, the model's context`);
  checkVocabulary(tokens, config, fail);
}

function checkVocabulary(tokens: Int32Array, { vocabSize }: ModelConfig, fail: Fail): void {
  const unknown = tokens.find((token) => token < 0 || token >= vocabSize);
  if (unknown !== undefined) fail(`token ${unknown}, expected 0 to ${vocabSize - 1}`);
}

/**
 * @throws {UserError} `train-sample` naming the sample by its index, the field, what was found and what was expected
 */
export function checkSample(sample: TrainSample, index: number, config: ModelConfig): void {
  const fail = failOf(sample.id ?? index);
  const { promptTokens, completionTokens, mask, samplingLogprobs, tokenAdvantages, temperature } = sample;
  const { tokenWeights, referenceLogprobs, distillation } = sample;
  if (promptTokens.length === 0) fail('the prompt is empty, expected at least one token');
  checkTokens(joined(sample), config, fail);
  checkLength('mask', mask, completionTokens.length, fail);
  const finite = { samplingLogprobs, tokenAdvantages, tokenWeights, referenceLogprobs };
  for (const [name, values] of Object.entries(finite)) {
    if (values === undefined) continue;
    checkLength(name, values, completionTokens.length, fail);
    const broken = values.findIndex((value, t) => mask[t] === 1 && !Number.isFinite(value));
    if (broken >= 0) fail(`${name}[${broken}] is ${values[broken]}, expected a finite number`);
  }
  const negative = tokenWeights?.findIndex((weight) => weight < 0) ?? -1;
  if (negative >= 0) fail(`tokenWeights[${negative}] is ${tokenWeights?.[negative]}, expected a number from 0`);
  if (distillation) {
    const problem = distillationProblem(distillation, completionTokens.length);
    if (problem) fail(`distillation.${problem}`);
    checkVocabulary(distillation.topIds, config, fail);
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) fail(`temperature is ${temperature}, expected 0 or more`);
}

function checkLength(name: string, { length }: ArrayLike<unknown>, expected: number, fail: Fail): void {
  if (length !== expected) fail(`${name} has ${length} entries, expected ${expected}, one per completion token`);
}

/** @throws {UserError} `train-sample` naming the first sample that lacks what the loss reads */
export function checkCarries(samples: readonly TrainSample[], loss: CompiledLoss): void {
  if (!loss.readsTop) return;
  const k = samples[0]?.distillation?.k;
  for (const [index, { distillation, id }] of samples.entries()) {
    const fail = failOf(id ?? index);
    if (!distillation) fail(`no distillation targets, which the loss ${loss.name} reads`);
    else if (distillation.k !== k) fail(`distillation.k is ${distillation.k}, expected ${k} as in sample 0`);
  }
}

/** @throws {UserError} `train-sample` naming the sample by its index */
export function checkSupervised({ tokens, mask }: SupervisedSample, index: number, config: ModelConfig): void {
  const fail = failOf(index);
  checkTokens(tokens, config, fail);
  if (mask.length !== tokens.length) fail(`mask has ${mask.length} entries, expected ${tokens.length}, one per token`);
}

function joined({ promptTokens, completionTokens }: TrainSample): Int32Array {
  const tokens = new Int32Array(promptTokens.length + completionTokens.length);
  tokens.set(promptTokens);
  tokens.set(completionTokens, promptTokens.length);
  return tokens;
}

const trainedTokens = (mask: Uint8Array): number => mask.reduce((total, bit) => total + (bit ? 1 : 0), 0);

/** For each sample the weight of one trained token, so that the weights of all trained tokens sum to 1. */
export function tokenShares(masks: readonly Uint8Array[], aggregate: LearnerSettings['aggregate']): number[] {
  const counts = masks.map(trainedTokens);
  const tokens = counts.reduce((total, count) => total + count, 0);
  const sequences = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : aggregate === 'tokenMean' ? 1 / tokens : 1 / (sequences * count)));
}

/**
 * Rows with what the loss reads; 0 outside the completion and its mask. `referenceLogprobs` are left out where a sample
 * has none.
 */
export function policyRows(
  samples: readonly TrainSample[],
  aggregate: LearnerSettings['aggregate'],
  loss: Pick<CompiledLoss, 'inputs' | 'readsTop'>,
): TrainRow[] {
  const shares = tokenShares(
    samples.map(({ mask }) => mask),
    aggregate,
  );
  return samples.map((sample, i) => policyRow(sample, at(shares, i), loss));
}

function policyRow(
  sample: TrainSample,
  share: number,
  { inputs, readsTop }: Pick<CompiledLoss, 'inputs' | 'readsTop'>,
): TrainRow {
  const tokens = joined(sample);
  const { promptTokens, mask, tokenWeights, distillation } = sample;
  const spread = (value: (t: number) => number, per = 1): Float32Array => {
    const values = new Float32Array((tokens.length - 1) * per);
    const start = promptTokens.length - 1;
    for (const [t, bit] of mask.entries())
      if (bit) for (let j = 0; j < per; j++) values[(start + t) * per + j] = value(t * per + j);
    return values;
  };
  const read: Record<LossInput, () => Float32Array | undefined> = {
    samplingLogprobs: () => spread((t) => at(sample.samplingLogprobs, t)),
    tokenAdvantages: () => spread((t) => at(sample.tokenAdvantages, t)),
    referenceLogprobs: () => {
      const { referenceLogprobs } = sample;
      return referenceLogprobs && spread((t) => at(referenceLogprobs, t));
    },
    targetTopLogprobs: () => distillation && spread((i) => at(distillation.topLogprobs, i), distillation.k),
    targetTailLogprobs: () => distillation && spread((t) => at(distillation.tailLogprobs, t)),
  };
  const found = new Map<string, Float32Array>();
  for (const name of inputs) {
    const values = read[name]();
    if (values) found.set(name, values);
  }
  return {
    ...(sample.id !== undefined && { id: sample.id }),
    tokens,
    // Greedy completions carry log-probabilities at temperature 1.
    temperature: sample.temperature || 1,
    weights: spread((t) => share * (tokenWeights ? at(tokenWeights, t) : 1)),
    inputs: found,
    ...(readsTop && distillation && { top: targetIds(sample, distillation) }),
  };
}

function targetIds({ promptTokens, completionTokens }: TrainSample, { k, topIds }: DistillationTargets) {
  const ids = new Int32Array((promptTokens.length + completionTokens.length - 1) * k);
  ids.set(topIds, (promptTokens.length - 1) * k);
  return { k, ids };
}

/** Rows for cross-entropy. */
export function supervisedRows(samples: readonly SupervisedSample[]): TrainRow[] {
  const masks = samples.map(({ mask }) => mask.subarray(1));
  const shares = tokenShares(masks, 'tokenMean');
  return samples.map(({ tokens }, i) => ({
    tokens,
    temperature: 1,
    weights: Float32Array.from(at(masks, i), (bit) => (bit ? at(shares, i) : 0)),
    inputs: new Map(),
  }));
}
