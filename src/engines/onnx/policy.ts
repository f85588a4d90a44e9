import { readChatTemplate } from '../../models/chat-template.js';
import type { ModelConfig } from '../../models/config.js';
import { readConfig } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import { UserError } from '../../support/errors.js';
import { createPool } from '../../support/worker-pool.js';
import { threads } from '../../support/worker-transport.js';
import { workerUrl } from '../../support/worker-url.js';
import type { Completion, Policy, SampleRequest, Sampling, ScoreRequest, TopScores } from '../policy.js';
import type { Drawn } from './decoding.js';
import { stopIndex } from './stop.js';

export interface OnnxPolicyOptions {
  /** A Hugging Face folder, whose config.json, tokenizer and chat template every version shares. Its weights are not read. */
  readonly folder: string;
  /** Threads, each with its own copy of the weights and work for one core. */
  readonly workers: number;
  /** Where the model runs. */
  readonly device: string;
  /** Default, and maximum: what the model's positions allow. */
  readonly contextLength?: number;
  /** Sequences that one worker decodes at once. Default 64; fewer where their caches would take more than 256 MiB. */
  readonly rows?: number;
}

/** What a worker starts with. */
export interface WorkerData {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly rows: number;
  readonly eosIds: readonly number[];
}

export type OnnxMessage =
  | { readonly type: 'load'; readonly version: number; readonly folder: string }
  | { readonly type: 'unload'; readonly version: number }
  | { readonly type: 'sample'; readonly version: number; readonly request: SampleRequest; readonly limit: number }
  | { readonly type: 'score'; readonly version: number; readonly request: ScoreRequest }
  | { readonly type: 'scoreTop'; readonly version: number; readonly request: ScoreRequest & { readonly k: number } };

/** What the model can run on. */
export const devices: readonly string[] = ['cpu'];

/**
 * A policy on onnxruntime in worker threads; the event loop stays free. The bits of a result depend on weights and request alone,
 * not on the number of workers or on other requests. A version's folder must not change until the version is unloaded: a worker
 * that replaces a crashed one reads it again.
 * @throws {UserError} when the folder, the device or the context length cannot be used
 * @example
 * const policy = await createOnnxPolicy({ folder: 'models/base', workers: 2, device: 'cpu' });
 * await policy.load(0, 'models/base');
 * const [completion] = await policy.sample(0, {
 *   prompt: policy.encodePrompt([{ role: 'user', content: '3 + 4' }]),
 *   seeds: [7n],
 *   sampling: { temperature: 1, maxTokens: 32 },
 * });
 */
export async function createOnnxPolicy(options: OnnxPolicyOptions): Promise<Policy> {
  const { folder, workers, device, rows = 64 } = options;
  if (!devices.includes(device))
    throw new UserError('unknown-device', `device: found ${JSON.stringify(device)}, expected ${devices.join(' or ')}`);
  const config = readConfig(folder);
  const tokenizer = readTokenizer(folder, config.vocabSize);
  const template = readChatTemplate(folder, tokenizer.specials);
  const contextLength = options.contextLength ?? config.maxPositionEmbeddings;
  if (!Number.isInteger(contextLength) || contextLength < 2 || contextLength > config.maxPositionEmbeddings)
    throw new UserError(
      'bad-context-length',
      `the context length is ${contextLength}, expected 2 to ${config.maxPositionEmbeddings}, the positions of the model in ${folder}`,
    );

  const versions = new Map<number, string>();
  const data: WorkerData = { folder, config, rows, eosIds: tokenizer.eosIds };
  const pool = createPool<OnnxMessage>({
    start: threads(workerUrl('./policy-worker.js', import.meta.url), data),
    size: workers,
    // Twice what is decoded at once: the next rows are there when others finish.
    capacity: 2 * rows,
    setup: () => [...versions].map(([version, from]) => ({ type: 'load', version, folder: from })),
  });

  const checkVersion = (version: number): void => {
    if (!versions.has(version))
      throw new Error(`version ${version} is not loaded; loaded: ${[...versions.keys()].join(', ') || 'none'}`);
  };
  const checkTokens = (tokens: Int32Array, longest: number): void => {
    if (tokens.length === 0) throw new UserError('no-tokens', 'the prompt has no tokens, expected at least one');
    if (tokens.length > longest)
      throw new UserError(
        'prompt-too-long',
        `found ${tokens.length} tokens, expected at most ${longest}: the context holds ${contextLength}`,
      );
    const outside = tokens.find((id) => id < 0 || id >= config.vocabSize);
    if (outside !== undefined)
      throw new UserError('bad-token', `found token id ${outside}, expected 0 to ${config.vocabSize - 1}`);
  };
  const checkScore = (version: number, { tokens, from, temperature }: ScoreRequest): void => {
    checkVersion(version);
    checkTokens(tokens, contextLength);
    if (!Number.isInteger(from) || from < 1 || from > tokens.length)
      throw new UserError('bad-score', `from is ${from}, expected 1 to ${tokens.length}, the number of tokens`);
    checkTemperature(temperature);
  };

  return {
    contextLength,
    templateHash: template.hash,
    encodePrompt(messages) {
      const tokens = tokenizer.encode(template.apply(messages, { addGenerationPrompt: true }));
      // At least one token has to fit after it.
      checkTokens(tokens, contextLength - 1);
      return tokens;
    },
    decode: (tokens) => tokenizer.decode(tokens),
    has: (version) => versions.has(version),
    async load(version, from) {
      const found = readConfig(from);
      if (JSON.stringify(found) !== JSON.stringify(config))
        throw new UserError(
          'other-architecture',
          `${from}/config.json describes a different architecture than ${folder}/config.json: ${difference(found, config)}`,
        );
      await pool.broadcast({ type: 'load', version, folder: from });
      versions.set(version, from);
    },
    async unload(version) {
      versions.delete(version);
      await pool.broadcast({ type: 'unload', version });
    },
    async sample(version, request, signal) {
      checkVersion(version);
      checkSampling(request.sampling);
      checkTokens(request.prompt, contextLength - 1);
      const { prompt, seeds, sampling } = request;
      if (seeds.length === 0) return [];
      const limit = Math.min(sampling.maxTokens, contextLength - prompt.length);
      const message: OnnxMessage = { type: 'sample', version, request, limit };
      const drawn = (await pool.call(message, seeds.length, signal && { signal })) as readonly Drawn[];
      return drawn.map(({ tokens, logprobs, stopped }): Completion => {
        const text = tokenizer.decode(tokens);
        const cut = stopIndex(text, sampling.stop ?? []);
        return {
          tokens,
          logprobs,
          text: cut < 0 ? text : text.slice(0, cut),
          finishReason: stopped ? 'stop' : 'length',
        };
      });
    },
    async score(version, request, signal) {
      checkScore(version, request);
      return (await pool.call({ type: 'score', version, request }, 1, signal && { signal })) as Float32Array;
    },
    async scoreTop(version, request, signal) {
      checkScore(version, request);
      const { k } = request;
      if (!Number.isInteger(k) || k < 1 || k > config.vocabSize)
        throw new UserError('bad-score', `k is ${k}, expected 1 to ${config.vocabSize}, the size of the vocabulary`);
      return (await pool.call({ type: 'scoreTop', version, request }, 1, signal && { signal })) as TopScores;
    },
    close: () => pool.close(),
  };
}

function checkTemperature(temperature: number): void {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    throw new UserError('bad-sampling', `temperature is ${temperature}, expected 0 or more`);
}

function checkSampling({ temperature, topK, topP, minP, maxTokens, stop }: Sampling): void {
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

/** The first field in which two architectures differ. */
function difference(found: ModelConfig, expected: ModelConfig): string {
  const fields = Object.entries(expected);
  const [name, value] = fields.find(
    ([key, other]) => JSON.stringify(found[key as keyof ModelConfig]) !== JSON.stringify(other),
  ) ?? ['', ''];
  return `${name} is ${JSON.stringify(found[name as keyof ModelConfig])}, expected ${JSON.stringify(value)}`;
}
