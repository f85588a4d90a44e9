import type { ModelConfig } from '../models/config.js';
import { readConfig } from '../models/folder.js';
import { UserError } from '../support/errors.js';
import type { Sampling, ScoreRequest } from './policy.js';

/** What a request must fit. */
export interface Limits {
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly versions: ReadonlyMap<number, unknown>;
}

export function checkVersion(version: number, { versions }: Limits): void {
  if (!versions.has(version))
    throw new Error(`version ${version} is not loaded; loaded: ${[...versions.keys()].join(', ') || 'none'}`);
}

/** A prompt must leave room for one token after it. */
export function checkPrompt(tokens: Int32Array, limits: Omit<Limits, 'versions'>): void {
  checkTokens(tokens, limits.contextLength - 1, limits);
}

export function checkScore(version: number, { tokens, from, temperature }: ScoreRequest, limits: Limits): void {
  checkVersion(version, limits);
  checkTokens(tokens, limits.contextLength, limits);
  if (!Number.isInteger(from) || from < 1 || from > tokens.length)
    throw new UserError('bad-score', `from is ${from}, expected 1 to ${tokens.length}, the number of tokens`);
  checkTemperature(temperature);
}

export function checkK(k: number, vocabSize: number): void {
  if (!Number.isInteger(k) || k < 1 || k > vocabSize)
    throw new UserError('bad-score', `k is ${k}, expected 1 to ${vocabSize}, the size of the vocabulary`);
}

function checkTokens(
  tokens: Int32Array,
  longest: number,
  { contextLength, vocabSize }: Omit<Limits, 'versions'>,
): void {
  if (tokens.length === 0) throw new UserError('no-tokens', 'the prompt has no tokens, expected at least one');
  if (tokens.length > longest)
    throw new UserError(
      'prompt-too-long',
      `found ${tokens.length} tokens, expected at most ${longest}: the context holds ${contextLength}`,
    );
  const outside = tokens.find((id) => id < 0 || id >= vocabSize);
  if (outside !== undefined)
    throw new UserError('bad-token', `found token id ${outside}, expected 0 to ${vocabSize - 1}`);
}

function checkTemperature(temperature: number): void {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    throw new UserError('bad-sampling', `temperature is ${temperature}, expected 0 or more`);
}

export function checkSampling({ temperature, topK, topP, minP, maxTokens, stop }: Sampling): void {
  const bad = (name: string, found: unknown, expected: string): never => {
    throw new UserError('bad-sampling', `${name} is ${JSON.stringify(found)}, expected ${expected}`);
  };
  checkTemperature(temperature);
  if (!Number.isInteger(maxTokens) || maxTokens < 1) bad('maxTokens', maxTokens, 'a whole number from 1');
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1)) bad('topK', topK, 'a whole number from 1');
  if (topP !== undefined && !(topP > 0 && topP <= 1)) bad('topP', topP, 'above 0 and at most 1');
  if (minP !== undefined && !(minP >= 0 && minP <= 1)) bad('minP', minP, '0 to 1');
  if (stop?.includes('')) bad('stop', stop, 'strings that are not empty');
}

/** Every version of a policy has the architecture of its first folder. */
export function checkArchitecture(config: ModelConfig, folder: string, from: string): void {
  const found = readConfig(from);
  if (JSON.stringify(found) !== JSON.stringify(config))
    throw new UserError(
      'other-architecture',
      `${from}/config.json describes a different architecture than ${folder}/config.json: ${difference(found, config)}`,
    );
}

/** The first field in which two architectures differ. */
function difference(found: ModelConfig, expected: ModelConfig): string {
  const fields = Object.entries(expected);
  const [name, value] = fields.find(
    ([key, other]) => JSON.stringify(found[key as keyof ModelConfig]) !== JSON.stringify(other),
  ) ?? ['', ''];
  return `${name} is ${JSON.stringify(found[name as keyof ModelConfig])}, expected ${JSON.stringify(value)}`;
}
