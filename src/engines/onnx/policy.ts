import { readChatTemplate, type TemplateText } from '../../models/chat-template.js';
import type { ModelConfig } from '../../models/config.js';
import { readConfig } from '../../models/folder.js';
import { isAdapterFolder, readAdapterSettings } from '../../models/lora/folder.js';
import { readTokenizer, type Tokenizer } from '../../models/tokenizer.js';
import { UserError } from '../../support/errors.js';
import { calendarDate } from '../../support/jinja/index.js';
import { createPool } from '../../support/workers/pool.js';
import { threads } from '../../support/workers/transport.js';
import { workerUrl } from '../../support/workers/url.js';
import {
  checkArchitecture,
  checkK,
  checkPrompt,
  checkSampling,
  checkScore,
  checkVersion,
  type Limits,
} from '../check-request.js';
import type { Completion, Policy, SampleRequest, ScoreRequest, TopScores } from '../policy.js';
import { textBeforeStop } from '../stop.js';
import type { Drawn } from './decoding.js';
import { requireRuntime } from './runtime.js';

export interface OnnxPolicyOptions {
  /**
   * A Hugging Face folder, whose config.json, tokenizer and chat template every version shares. Its weights are read
   * where a version is an adapter over them.
   */
  readonly folder: string;
  /** Threads, each with its own copy of the weights and work for one core. */
  readonly workers: number;
  /** Where the model runs. */
  readonly device: string;
  /** The day that the chat template prints, such as `2026-11-30`. Default: today, in UTC. */
  readonly date?: () => string;
  /** A chat template in place of the folder's. */
  readonly template?: TemplateText;
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

/** Where a version's weights are, and their digest where it is known. */
interface LoadedFrom {
  readonly folder: string;
  readonly digest?: string | undefined;
}

export type OnnxMessage =
  | ({ readonly type: 'load'; readonly version: number } & LoadedFrom)
  | { readonly type: 'unload'; readonly version: number }
  | { readonly type: 'sample'; readonly version: number; readonly request: SampleRequest; readonly limit: number }
  | { readonly type: 'score'; readonly version: number; readonly request: ScoreRequest }
  | { readonly type: 'scoreTop'; readonly version: number; readonly request: ScoreRequest & { readonly k: number } };

/** What the model can run on. */
export const devices: readonly string[] = ['cpu'];

/**
 * A policy on onnxruntime in worker threads; the event loop stays free. The bits of a result depend on weights and
 * request alone, not on the number of workers or on other requests. A version's folder must not change until the
 * version is unloaded: a worker that replaces a crashed one reads it again.
 * @throws {UserError} when ONNX Runtime is missing, or the folder, the device or the context length cannot be used
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
  const { folder, workers, device, rows = 64, date = () => new Date().toISOString() } = options;
  requireRuntime();
  if (!devices.includes(device))
    throw new UserError('unknown-device', `device: found ${JSON.stringify(device)}, expected ${devices.join(' or ')}`);
  const config = readConfig(folder);
  const tokenizer = readTokenizer(folder, config.vocabSize);
  const template = readChatTemplate(folder, tokenizer, options.template);
  const contextLength = options.contextLength ?? config.maxPositionEmbeddings;
  if (!Number.isInteger(contextLength) || contextLength < 2 || contextLength > config.maxPositionEmbeddings)
    throw new UserError(
      'bad-context-length',
      `the context length is ${contextLength}, expected 2 to ${config.maxPositionEmbeddings}, the positions of ` +
        `the model in ${folder}`,
    );

  const versions = new Map<number, LoadedFrom>();
  const data: WorkerData = { folder, config, rows, eosIds: tokenizer.eosIds };
  const pool = createPool<OnnxMessage>({
    start: threads(workerUrl('./policy-worker.js', import.meta.url), data),
    size: workers,
    // Twice what is decoded at once: the next rows are there when others finish.
    capacity: 2 * rows,
    setup: () => [...versions].map(([version, from]) => ({ type: 'load', version, ...from })),
  });
  const { vocabSize } = config;
  const limits: Limits = { contextLength, vocabSize, versions };
  return {
    contextLength,
    vocabularySize: vocabSize,
    templateHash: template.hash,
    readsDate: template.readsDate,
    encodePrompt(messages) {
      const tokens = template.encode(messages, { addGenerationPrompt: true, date: calendarDate(date()) });
      checkPrompt(tokens, limits);
      return tokens;
    },
    decode: (tokens) => tokenizer.decode(tokens),
    has: (version) => versions.has(version),
    checksDigests: true,
    async load(version, from, digest) {
      if (isAdapterFolder(from)) readAdapterSettings(from);
      else checkArchitecture(config, folder, from);
      const weights = { folder: from, digest };
      await pool.broadcast({ type: 'load', version, ...weights });
      versions.set(version, weights);
    },
    async unload(version) {
      versions.delete(version);
      await pool.broadcast({ type: 'unload', version });
    },
    async sample(version, request, signal) {
      const { prompt, seeds, sampling } = request;
      checkVersion(version, limits);
      checkSampling(sampling);
      checkPrompt(prompt, limits);
      if (seeds.length === 0) return [];
      const limit = Math.min(sampling.maxTokens, contextLength - prompt.length);
      const message: OnnxMessage = { type: 'sample', version, request, limit };
      const drawn = (await pool.call(message, seeds.length, signal && { signal })) as readonly Drawn[];
      return drawn.map((one) => completionOf(one, tokenizer, sampling.stop));
    },
    async score(version, request, signal) {
      checkScore(version, request, limits);
      return (await pool.call({ type: 'score', version, request }, 1, signal && { signal })) as Float32Array;
    },
    async scoreTop(version, request, signal) {
      checkScore(version, request, limits);
      checkK(request.k, vocabSize);
      return (await pool.call({ type: 'scoreTop', version, request }, 1, signal && { signal })) as TopScores;
    },
    close: () => pool.close(),
  };
}

function completionOf({ tokens, logprobs, stopped }: Drawn, tokenizer: Tokenizer, stop: readonly string[] = []) {
  const text = textBeforeStop(tokens, tokenizer, stop);
  const finishReason = stopped ? 'stop' : 'length';
  return { tokens, logprobs, text, finishReason } satisfies Completion;
}
