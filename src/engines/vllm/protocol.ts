import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import type { Sampling, TopScores } from '../policy.js';
import { Unreachable } from '../served/http.js';

/** What a completion is drawn by, besides its seed. */
export interface Draw {
  /** Name of an adapter; undefined for the base model. */
  readonly model: string | undefined;
  readonly prompt: Int32Array;
  readonly sampling: Sampling;
  /** Completion tokens at most. */
  readonly limit: number;
  /** Tokens that end a completion: those of the model's own folder, whatever the server would take. */
  readonly eosIds: readonly number[];
}

/**
 * The body of `POST /v1/completions` for one completion. Every setting is given, since the server takes what is missing
 * from the model's generation_config.json.
 */
export function drawBody({ model, prompt, sampling, limit, eosIds }: Draw, seed: bigint): string {
  const { temperature, topK = 0, topP = 1, minP = 0, stop = [] } = sampling;
  const body = JSON.stringify({
    ...(model !== undefined && { model }),
    prompt: Array.from(prompt),
    max_tokens: limit,
    temperature,
    top_k: topK,
    top_p: topP,
    min_p: minP,
    ...UNTOUCHED,
    stop,
    stop_token_ids: eosIds,
    ignore_eos: true,
    include_stop_str_in_output: true,
    skip_special_tokens: false,
    logprobs: 0,
    return_token_ids: true,
    return_tokens_as_token_ids: true,
  });
  // JSON.stringify knows no whole numbers of 64 bits.
  return `${body.slice(0, -1)},"seed":${BigInt.asIntN(64, seed)}}`;
}

/** Nothing but temperature and truncation changes the distribution. */
const UNTOUCHED = { repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0, min_tokens: 0 };

const choiceSchema = z.object({
  token_ids: z.array(z.int()),
  prompt_token_ids: z.array(z.int()).nullish(),
  finish_reason: z.string().nullable(),
  logprobs: z.object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
  }),
  prompt_logprobs: z.array(z.record(z.string(), z.object({ logprob: z.number() })).nullable()).nullish(),
});
const completionSchema = z.object({ model: z.string(), choices: z.array(choiceSchema).length(1) });

type Choice = z.output<typeof choiceSchema>;

/** What the server drew, before stop strings are looked for. */
export interface DrawnTokens {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly finishReason: 'stop' | 'length';
}

/**
 * @param name of the server, for messages
 * @throws {Unreachable} where the server broke the completion off
 * @throws {UserError} `bad-answer`; `other-prompt` where the server read another prompt than it was given
 */
export function drawnFrom(answer: unknown, { model, prompt }: Draw, name: string): DrawnTokens {
  const choice = choiceOf(answer, model, name);
  const { token_ids: ids, finish_reason: reason, logprobs, prompt_token_ids: read } = choice;
  if (reason !== 'stop' && reason !== 'length')
    throw new Unreachable(`${name}: broke a completion off (finish_reason ${reason})`);
  if (read && (read.length !== prompt.length || read.some((id, k) => id !== prompt[k])))
    throw new UserError(
      'other-prompt',
      `${name}: read a prompt of ${read.length} tokens [${read.slice(0, 8)}…], expected the ${prompt.length} tokens ` +
        `[${prompt.slice(0, 8)}…] that it was sent`,
    );
  if (logprobs.token_logprobs.length !== ids.length)
    throw badAnswer(name, `${logprobs.token_logprobs.length} log-probabilities for ${ids.length} tokens`);
  return {
    tokens: Int32Array.from(ids),
    logprobs: Float32Array.from(logprobs.token_logprobs, (value) => value ?? Number.NaN),
    finishReason: reason,
  };
}

/**
 * The body of a request that scores: all tokens but the last are the prompt, whose log-probabilities are asked for; the
 * last one's is asked for as that of a token that could be drawn next, so that a sequence may fill the context.
 * @param top likeliest tokens of each position to name as well; 0 for none
 */
export function scoreBody(model: string | undefined, tokens: Int32Array, top: number): string {
  return JSON.stringify({
    ...(model !== undefined && { model }),
    prompt: Array.from(tokens.subarray(0, -1)),
    max_tokens: 1,
    temperature: 1,
    top_k: 0,
    top_p: 1,
    min_p: 0,
    ...UNTOUCHED,
    prompt_logprobs: top,
    logprobs: top,
    // Instead of the likeliest tokens, so only where those are not asked for.
    ...(top === 0 && { logprob_token_ids: [at(tokens, tokens.length - 1)] }),
    return_token_ids: true,
    return_tokens_as_token_ids: true,
  });
}

/** Tokens whose log-probabilities an answer has. */
export interface ScoredTokens {
  readonly model: string | undefined;
  readonly tokens: Int32Array;
  /** Index of the first that is wanted. */
  readonly from: number;
}

/** Log-probabilities of all tokens from index `from`, under temperature 1. @throws {UserError} `bad-answer` */
export function scoresFrom(answer: unknown, { model, tokens, from }: ScoredTokens, name: string): Float32Array {
  const rows = positions(choiceOf(answer, model, name), tokens, from, name);
  return Float32Array.from(rows, (row, t) => {
    const id = at(tokens, from + t);
    const found = row.get(id);
    if (found === undefined) throw badAnswer(name, `no log-probability of token ${id} at position ${from + t}`);
    return found;
  });
}

/** The `k` likeliest tokens at each position from index `from`. @throws {UserError} `bad-answer` */
export function topScoresFrom(
  answer: unknown,
  request: ScoredTokens & { readonly k: number },
  name: string,
): TopScores {
  const { model, tokens, from, k } = request;
  const rows = positions(choiceOf(answer, model, name), tokens, from, name);
  const ids = new Int32Array(rows.length * k);
  const logprobs = new Float32Array(rows.length * k);
  const tailLogprobs = new Float32Array(rows.length);
  for (const [t, row] of rows.entries()) {
    // The token that follows may be there as well.
    const likeliest = [...row].sort(([a, p], [b, q]) => q - p || a - b).slice(0, k);
    if (likeliest.length < k)
      throw badAnswer(name, `${likeliest.length} of the ${k} likeliest tokens at position ${from + t}`);
    let mass = 0;
    for (const [j, [id, logprob]] of likeliest.entries()) {
      ids[t * k + j] = id;
      logprobs[t * k + j] = logprob;
      mass += Math.exp(logprob);
    }
    tailLogprobs[t] = mass < 1 ? Math.log1p(-mass) : Number.NEGATIVE_INFINITY;
  }
  return { ids, logprobs, tailLogprobs };
}

/** What is known of each position from `from` to the last: log-probabilities by token id. */
function positions(choice: Choice, tokens: Int32Array, from: number, name: string): ReadonlyMap<number, number>[] {
  const { prompt_logprobs: prompt, logprobs } = choice;
  const last = tokens.length - 1;
  if (prompt?.length !== last)
    throw badAnswer(name, `log-probabilities of ${prompt?.length ?? 'no'} prompt tokens, expected ${last}`);
  const rows = prompt
    .slice(from)
    .map((row) => new Map(Object.entries(row ?? {}).map(([id, { logprob }]) => [Number(id), logprob])));
  const next = Object.entries(logprobs.top_logprobs?.[0] ?? {}).map(
    ([token, logprob]) => [Number(token.replace(/^token_id:/, '')), logprob] as const,
  );
  return [...rows, new Map(next)];
}

function choiceOf(answer: unknown, model: string | undefined, name: string): Choice {
  const parsed = completionSchema.safeParse(answer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badAnswer(name, `${issue?.path.join('.') || 'answer'}: ${issue?.message}`);
  }
  if (model !== undefined && parsed.data.model !== model)
    throw badAnswer(name, `an answer of model ${parsed.data.model}, expected ${model}`);
  return at(parsed.data.choices, 0);
}

const badAnswer = (name: string, found: string): UserError =>
  new UserError('bad-answer', `${name}/v1/completions: found ${found}; expected an answer as vLLM 0.32 gives it`);
