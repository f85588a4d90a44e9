import { z } from 'zod';
import { modelDigest } from '../../models/folder.js';
import { UserError } from '../../support/errors.js';
import type { CheckOptions } from '../engine.js';
import { createOnnxPolicy } from '../onnx/policy.js';
import type { Policy, Sampling } from '../policy.js';
import { type Connection, connectTo, Refused } from '../served/http.js';
import { openTextSide, type TextSide } from '../served/text.js';
import { drawProblem, type Facts, greet, meanDifference } from './facts.js';
import { placesOf, scoreProblem } from './places.js';
import { drawBody, drawnFrom, scoreBody, scoresFrom } from './protocol.js';
import { isBase } from './servers.js';
import type { VllmSettings } from './settings.js';

const PATH = '/v1/completions';
/** A text with digits, spaces, other scripts and signs, on which tokenizers differ. */
const SAMPLE = 'The answer is 1,234.5:\n\tif (x >= 7) { return "naïve café"; } // 東京 🙂';
/** Ids of it that a server is asked about. */
const PROBE_TOKENS = 16;
const DRAWN = 16;

/**
 * What keeps servers from serving a model for a run, one line each: the model's folder, addresses, limits, token ids,
 * and log-probabilities, compared with those of the embedded engine.
 */
export async function problemsOf(settings: VllmSettings, options: CheckOptions): Promise<string[]> {
  const problems: string[] = [];
  try {
    const { folder, conversations = [], sampling, scores } = options;
    const text = openTextSide(
      { ...options, date: () => '2026-01-01' },
      ({ maxPositionEmbeddings }) => maxPositionEmbeddings,
    );
    for (const messages of conversations) text.policy.encodePrompt(messages);
    const { policy, teacher } = placesOf(settings, options);
    if (scores !== undefined && sampling && sampling.temperature !== 1 && sampling.temperature !== 0)
      problems.push(scoreProblem(sampling.temperature));
    const draws = options.isTeacher ? undefined : sampling;
    const run = {
      settings,
      options,
      text,
      base: modelDigest(folder),
      reference: once(() => referenceOf(settings, options)),
    };
    try {
      const found = [
        ...(await Promise.all(policy.urls.map((url) => serverProblems(url, { ...run, draws })))),
        ...(await Promise.all((teacher?.urls ?? []).map((url) => serverProblems(url, { ...run, draws: undefined })))),
      ];
      problems.push(...found.flat());
    } finally {
      await (await run.reference.begun())?.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
  }
  return problems;
}

/** The embedded engine with the base model; undefined where it is not asked for or cannot run that model. */
async function referenceOf({ probe }: VllmSettings, { folder }: CheckOptions): Promise<Policy | undefined> {
  if (!probe) return undefined;
  try {
    const policy = await createOnnxPolicy({ folder, workers: 1, device: 'cpu' });
    await policy.load(0, folder);
    return policy;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

interface Once<T> {
  readonly get: () => Promise<T>;
  /** What `get` has begun, if anything. */
  readonly begun: () => Promise<T> | undefined;
}

function once<T>(make: () => Promise<T>): Once<T> {
  let made: Promise<T> | undefined;
  return {
    get() {
      made ??= make();
      return made;
    },
    begun: () => made,
  };
}

interface Run {
  readonly settings: VllmSettings;
  readonly options: CheckOptions;
  readonly text: TextSide;
  readonly base: string;
  readonly reference: Once<Policy | undefined>;
  /** How this server samples; undefined where it only scores. */
  readonly draws: Sampling | undefined;
}

async function serverProblems(url: string, run: Run): Promise<string[]> {
  const { settings, options, text, base, draws } = run;
  const { model, apiKey, seconds } = settings;
  const connection = connectTo(url, apiKey);
  const timeoutMs = seconds * 1000;
  const prompt = text.tokenizer.encodePlain(SAMPLE).slice(0, PROBE_TOKENS);
  try {
    const facts = await greet(connection, { model, prompt, timeoutMs });
    const { weights } = facts;
    const drawing = draws && drawProblem(draws, facts.logprobs);
    const problems = [
      ...(drawing === undefined ? [] : [`${connection.name}: ${drawing}`]),
      ...(await updateProblems(connection, facts, options.publishes, timeoutMs)),
      ...(await tokenProblems(connection, run)),
    ];
    if (problems.length > 0 || !isBase(weights, base)) return problems;
    return await logprobProblems(connection, facts, run);
  } catch (error) {
    return [error instanceof UserError ? error.message : `${(error as Error).message}; expected a vLLM server`];
  } finally {
    connection.close();
  }
}

/** Why a server does not take what a run publishes. */
async function updateProblems(
  { name, request }: Connection,
  { weights, takesAdapters }: Facts,
  publishes: CheckOptions['publishes'],
  timeoutMs: number,
): Promise<string[]> {
  if (publishes === 'weights')
    return weights === undefined
      ? [`${name}: takes no whole weights, which learn publishes; start it with VLLM_SERVER_DEV_MODE=1`]
      : [];
  if (publishes === undefined) return [];
  const needed = [
    ...(takesAdapters ? [] : ['VLLM_ALLOW_RUNTIME_LORA_UPDATING=1']),
    ...((await hasLora(request, timeoutMs)) === false ? ['--enable-lora'] : []),
  ];
  return needed.length === 0
    ? []
    : [`${name}: takes no adapters, which learn publishes; start it with ${needed.join(' and ')}`];
}

const serverSchema = z.object({ vllm_config: z.object({ lora_config: z.unknown() }) });

/** Whether a server was started with LoRA; undefined where it does not tell. */
async function hasLora(request: Connection['request'], timeoutMs: number): Promise<boolean | undefined> {
  try {
    const told = serverSchema.safeParse(await request('/server_info?config_format=json', { timeoutMs }));
    return told.data && told.data.vllm_config.lora_config !== null;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

const tokensSchema = z.object({ tokens: z.array(z.int()) });

/** Where the server's tokenizer or chat template gives other ids than the model's folder. */
async function tokenProblems(connection: Connection, { text, options, settings }: Run): Promise<string[]> {
  const { model, seconds } = settings;
  const { conversations = [] } = options;
  const ask = async (body: object): Promise<readonly number[] | undefined> => {
    try {
      const sent = JSON.stringify({ ...(model !== undefined && { model }), ...body });
      const answer = tokensSchema.safeParse(
        await connection.request('/tokenize', { body: sent, timeoutMs: seconds * 1000 }),
      );
      return answer.data?.tokens;
    } catch (error) {
      // A server may have no such path, and one without a chat template may still take ids.
      if (error instanceof Refused) return undefined;
      throw error;
    }
  };
  const problems: string[] = [];
  const compare = (found: readonly number[] | undefined, expected: Int32Array, what: string) => {
    const at = found && firstDifference(found, expected);
    if (at === undefined) return;
    problems.push(
      `${connection.name}: gives ${what} other token ids than ${options.folder}: token ${at} is ` +
        `${found?.[at] ?? 'missing'}, expected ${expected[at] ?? 'none'}`,
    );
  };
  compare(await ask({ prompt: SAMPLE, add_special_tokens: false }), text.tokenizer.encode(SAMPLE), 'a text');
  for (const messages of conversations)
    compare(await ask({ messages, add_generation_prompt: true }), text.policy.encodePrompt(messages), 'a conversation');
  return problems;
}

function firstDifference(found: readonly number[], expected: Int32Array): number | undefined {
  const at = Array.from({ length: Math.max(found.length, expected.length) }, (_, k) => k);
  return at.find((k) => found[k] !== expected[k]);
}

/** Where log-probabilities differ from those of the embedded engine: of a drawn completion, and of its prompt. */
async function logprobProblems(connection: Connection, { maxLength }: Facts, run: Run): Promise<string[]> {
  const { settings, options, text, draws } = run;
  const reference = await run.reference.get();
  if (!reference) return [];
  const { model, seconds } = settings;
  const { name } = connection;
  const [conversation] = options.conversations ?? [];
  const prompt = conversation ? text.policy.encodePrompt(conversation) : text.tokenizer.encodePlain(SAMPLE);
  const limit = Math.min(DRAWN, maxLength - prompt.length, reference.contextLength - prompt.length);
  if (limit < 1) return [];
  // Truncation changes nothing in what is compared.
  const temperature = draws?.temperature || 1;
  const send = (body: string) => connection.request(PATH, { body, timeoutMs: seconds * 1000 });
  const draw = { model, prompt, sampling: { temperature, maxTokens: limit }, limit, eosIds: [] };
  const drawn = drawnFrom(await send(drawBody(draw, 1n)), draw, name);
  const tokens = Int32Array.from([...prompt, ...drawn.tokens]);
  const scored = scoresFrom(await send(scoreBody(model, tokens, 0)), { model, tokens, from: 1 }, name);
  const score = (from: number, under: number) => reference.score(0, { tokens, from, temperature: under });
  return [
    ...(draws ? differenceProblem(drawn.logprobs, await score(prompt.length, temperature), 'drawn tokens') : []),
    ...differenceProblem(scored, await score(1, 1), 'given tokens'),
  ].map((problem) => `${name}: ${problem}`);

  function differenceProblem(found: Float32Array, expected: Float32Array, what: string): string[] {
    const mean = meanDifference(found, expected);
    if (mean <= settings.tolerance) return [];
    const worst = found.reduce((most, value, t) => {
      const here = Math.abs(value - (expected[t] ?? 0));
      return here > Math.abs((found[most] ?? 0) - (expected[most] ?? 0)) ? t : most;
    }, 0);
    return [
      `log-probabilities of ${what} differ by ${mean.toFixed(3)} on average from those of ${options.folder} ` +
        `(found ${found[worst]?.toFixed(3)}, expected ${expected[worst]?.toFixed(3)} at token ${worst}), expected at most ` +
        `${settings.tolerance}; the server has other weights, or another precision (model.engine.vllm.tolerance)`,
    ];
  }
}
