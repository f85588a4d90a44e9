import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import type { Sampling } from '../policy.js';
import { type Connection, Refused } from '../served/http.js';
import { drawBody, drawnFrom, scoreBody, scoresFrom } from './protocol.js';

/** What a server said of itself. */
export interface Facts {
  /** Names that it answers to; those of adapters included. */
  readonly models: readonly string[];
  /** Tokens of prompt and completion together. */
  readonly maxLength: number;
  /**
   * Whether sampled log-probabilities are of the model's distribution (`raw`) or of the one that was drawn from, under
   * temperature and truncation (`processed`).
   */
  readonly logprobs: 'raw' | 'processed';
  /** Name of its weights, where it takes whole weights: `default` until somebody loads some. */
  readonly weights: string | undefined;
  /** Whether it takes adapters while it runs; it may still have been started without LoRA. */
  readonly takesAdapters: boolean;
}

export interface GreetOptions {
  /** Name of the base model in the settings. */
  readonly model: string | undefined;
  /** A short text of the model's vocabulary. */
  readonly prompt: Int32Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

const modelsSchema = z.object({
  data: z.array(z.object({ id: z.string(), parent: z.string().nullish(), max_model_len: z.int().nullish() })),
});
const weightsSchema = z.object({ weight_version: z.string() });

/**
 * Asks a server what it is.
 * @throws {UserError} `other-server` where it is no vLLM; `other-model` where it has no model of that name
 * @throws {Unreachable}
 */
export async function greet(connection: Connection, options: GreetOptions): Promise<Facts> {
  const { model, timeoutMs, signal } = options;
  const limits = { timeoutMs, ...(signal && { signal }) };
  const listed = modelsSchema.safeParse(await connection.request('/v1/models', limits));
  const cards = listed.data?.data ?? [];
  const base = cards.find(({ id, parent }) => (model === undefined ? !parent : id === model));
  if (model !== undefined && listed.success && !base)
    throw new UserError(
      'other-model',
      `${connection.name}: offers ${cards.map(({ id }) => id).join(', ') || 'no model'}; expected ${model}, which ` +
        'model.engine.vllm.model names',
    );
  const maxLength = base?.max_model_len;
  if (!maxLength)
    throw new UserError(
      'other-server',
      `${connection.name}/v1/models: found no max_model_len, which vLLM has; use engine openai for other servers`,
    );
  const weights = await weightsOf(connection, limits);
  const takesAdapters = (await statusOf(connection, '/v1/load_lora_adapter', limits)) === 405;
  const logprobs = await logprobsOf(connection, options, limits);
  return { models: cards.map(({ id }) => id), maxLength, logprobs, weights, takesAdapters };
}

type RequestLimits = { readonly timeoutMs: number; readonly signal?: AbortSignal };

/** Name of the weights that a server has; undefined where it takes none. */
export async function weightsOf(connection: Connection, limits: RequestLimits): Promise<string | undefined> {
  try {
    return weightsSchema.parse(await connection.request('/weight_info', limits)).weight_version;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  }
}

/** Status of a GET where a server refuses it; 200 otherwise. */
async function statusOf(connection: Connection, path: string, limits: RequestLimits): Promise<number> {
  try {
    await connection.request(path, limits);
    return 200;
  } catch (error) {
    if (error instanceof Refused) return error.status;
    throw error;
  }
}

/** vLLM takes temperatures up to this one, at which the two modes differ most. */
export const HOTTEST = 2;
/** Tokens that are drawn to tell the modes apart. */
const DRAWN = 8;
/** Mean difference in nats that rounding does not explain. */
const SAME = 0.1;

/** Tells the mode from a few tokens drawn at a high temperature: what the server says of them then and afterwards. */
async function logprobsOf(
  connection: Connection,
  { model, prompt }: GreetOptions,
  limits: RequestLimits,
): Promise<Facts['logprobs']> {
  const sampling: Sampling = { temperature: HOTTEST, maxTokens: DRAWN };
  const draw = { model, prompt, sampling, limit: DRAWN, eosIds: [] };
  const { name } = connection;
  const path = '/v1/completions';
  const drawn = drawnFrom(await connection.request(path, { body: drawBody(draw, 1n), ...limits }), draw, name);
  const tokens = Int32Array.from([...prompt, ...drawn.tokens]);
  const answer = await connection.request(path, { body: scoreBody(model, tokens, 0), ...limits });
  const scores = scoresFrom(answer, { model, tokens, from: prompt.length }, name);
  return meanDifference(drawn.logprobs, scores) < SAME ? 'raw' : 'processed';
}

export function meanDifference(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((total, value, t) => total + Math.abs(value - (b[t] ?? Number.NaN)), 0);
  return a.length === 0 ? 0 : sum / a.length;
}

/** Why a server cannot sample so that the log-probabilities are those of the distribution before truncation. */
export function drawProblem(
  { temperature, topK, topP = 1, minP = 0 }: Sampling,
  mode: Facts['logprobs'],
): string | undefined {
  if (temperature > HOTTEST)
    return `rollout.temperature: found ${temperature}, expected at most ${HOTTEST}, the highest that vLLM takes`;
  if (temperature > 0 && temperature < COLDEST)
    return `rollout.temperature: found ${temperature}, expected 0 or at least ${COLDEST}, the lowest that vLLM takes`;
  const truncations = [
    ...(topK === undefined ? [] : ['topK']),
    ...(topP === 1 ? [] : ['topP']),
    ...(minP === 0 ? [] : ['minP']),
  ];
  const isTempered = temperature !== 0 && temperature !== 1;
  if (truncations.length > 0 && isTempered)
    return (
      `rollout.${truncations[0]}: vLLM gives no log-probabilities before truncation under temperature ${temperature}; ` +
      'expected temperature 1, or no truncation'
    );
  if (truncations.length > 0 && mode === 'processed')
    return (
      `rollout.${truncations[0]}: the server gives log-probabilities after truncation; start it with ` +
      '--logprobs-mode raw_logprobs'
    );
  if (isTempered && mode === 'raw')
    return (
      `rollout.temperature: found ${temperature}, but the server gives log-probabilities of temperature 1; start it ` +
      'with --logprobs-mode processed_logprobs'
    );
  return undefined;
}

const COLDEST = 0.01;
