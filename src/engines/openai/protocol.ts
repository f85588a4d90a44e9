import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import type { Sampling } from '../policy.js';
import { Unreachable } from '../served/http.js';

export interface OpenAiDraw {
  readonly model: string;
  readonly prompt: Int32Array;
  readonly sampling: Sampling;
  readonly limit: number;
}

/**
 * The body of `POST /v1/completions` for one completion, whose prompt is token ids. Next to OpenAI's fields it has
 * those that make llama.cpp, SGLang and vLLM truncate and return token ids; a server ignores those that it does not
 * know.
 */
export function drawBody({ model, prompt, sampling, limit }: OpenAiDraw, seed: bigint): string {
  const { temperature, topK, topP = 1, minP = 0, stop = [] } = sampling;
  return JSON.stringify({
    model,
    prompt: Array.from(prompt),
    max_tokens: limit,
    temperature,
    // llama.cpp has other defaults than OpenAI: 0 is no limit there, -1 in SGLang.
    top_k: topK ?? 0,
    top_p: topP,
    min_p: minP,
    // Servers take 32 bits at least.
    seed: Number(BigInt.asUintN(31, seed)),
    stop,
    logprobs: 1,
    return_token_ids: true,
    return_tokens_as_token_ids: true,
  });
}

const entry = z.object({ id: z.int().nullish(), logprob: z.number() });
const choiceSchema = z.object({
  finish_reason: z.string().nullable(),
  token_ids: z.array(z.int()).nullish(),
  logprobs: z
    .object({ token_logprobs: z.array(z.number().nullable()).nullish(), content: z.array(entry).nullish() })
    .nullish(),
});
const answerSchema = z.object({ choices: z.array(choiceSchema).min(1) });

export interface DrawnTokens {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly finishReason: 'stop' | 'length';
}

/**
 * Ids and log-probabilities of a completion: `token_ids` with `logprobs.token_logprobs` as vLLM gives them, or
 * `logprobs.content` with an `id` in each entry as llama.cpp does.
 * @throws {UserError} `no-token-ids`, `no-logprobs`, `bad-answer`
 */
export function drawnFrom(answer: unknown, name: string): DrawnTokens {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      'bad-answer',
      `${name}/v1/completions: ${issue?.path.join('.') || 'answer'}: ${issue?.message}`,
    );
  }
  const { finish_reason: reason, token_ids: listed, logprobs } = at(parsed.data.choices, 0);
  if (reason !== 'stop' && reason !== 'length')
    throw new Unreachable(`${name}: broke a completion off (finish_reason ${reason})`);
  const content = logprobs?.content ?? undefined;
  const ids = listed ?? content?.map(({ id }) => id);
  if (!ids || ids.some((id) => typeof id !== 'number'))
    throw new UserError(
      'no-token-ids',
      `${name}/v1/completions: found no token ids, neither token_ids nor an id in each entry of logprobs.content; ` +
        'texts of tokens do not tell them, so samples of this server cannot be trained on',
    );
  const values = content?.map(({ logprob }) => logprob) ?? logprobs?.token_logprobs;
  if (values?.length !== ids.length)
    throw new UserError(
      'no-logprobs',
      `${name}/v1/completions: found log-probabilities of ${values?.length ?? 'no'} of ${ids.length} tokens`,
    );
  return {
    tokens: Int32Array.from(ids, Number),
    logprobs: Float32Array.from(values, (value) => value ?? Number.NaN),
    finishReason: reason,
  };
}
