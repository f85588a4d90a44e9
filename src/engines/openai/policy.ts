import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { checkPrompt, checkSampling, checkVersion, type Limits } from '../check-request.js';
import type { ModelOptions } from '../engine.js';
import type { Policy } from '../policy.js';
import { newFleet } from '../served/fleet.js';
import { connectTo } from '../served/http.js';
import { addressesOf } from '../served/settings.js';
import { completionOf, openTextSide } from '../served/text.js';
import { allOrNone } from '../served/together.js';
import { drawBody, drawnFrom } from './protocol.js';
import { type OpenAiSettings, samplingProblem } from './settings.js';

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });

/** The name of the model that a server is asked for. @throws {UserError} `other-model` */
export async function modelOf(
  url: string,
  { model, apiKey, seconds }: Pick<OpenAiSettings, 'model' | 'apiKey' | 'seconds'>,
): Promise<string> {
  const connection = connectTo(url, apiKey);
  try {
    const listed = modelsSchema.safeParse(await connection.request('/v1/models', { timeoutMs: seconds * 1000 }));
    const names = listed.data?.data.map(({ id }) => id) ?? [];
    const found = model === undefined ? names[0] : names.find((name) => name === model);
    if (found !== undefined) return found;
    throw new UserError(
      'other-model',
      `${connection.name}: offers ${names.join(', ') || 'no model'}; expected ${model ?? 'one'}`,
    );
  } finally {
    connection.close();
  }
}

/**
 * A policy on servers that only sample. Every version is the weights that they were started with.
 * @throws {UserError} where a server cannot be reached or has no such model
 */
export async function openOpenAiPolicy(settings: OpenAiSettings, options: ModelOptions): Promise<Policy> {
  const { apiKey, inFlight, retries } = settings;
  const text = openTextSide(options, ({ maxPositionEmbeddings }) => maxPositionEmbeddings);
  const { config, tokenizer } = text;
  const urls = addressesOf(settings, 'model.engine.openai');
  const [first = ''] = urls;
  const model = await modelOf(first, settings);
  const timeoutMs = settings.seconds * 1000;
  const fleet = newFleet({
    connections: urls.map((url) => connectTo(url, apiKey)),
    field: 'model.engine.openai.url',
    inFlight,
    retries,
    outageMs: settings.outage * 1000,
  });
  const versions = new Map<number, string>();
  const contextLength = config.maxPositionEmbeddings;
  const limits: Limits = { contextLength, vocabSize: config.vocabSize, versions };
  return {
    contextLength,
    ...text.policy,
    has: (version) => versions.has(version),
    async load(version, from) {
      versions.set(version, from);
    },
    async unload(version) {
      versions.delete(version);
    },
    async sample(version, { prompt, seeds, sampling }, signal) {
      checkVersion(version, limits);
      checkSampling(sampling);
      checkPrompt(prompt, limits);
      const problem = samplingProblem(sampling, settings.logprobs);
      if (problem !== undefined) throw new UserError('bad-sampling', problem);
      const limit = Math.min(sampling.maxTokens, contextLength - prompt.length);
      const draw = (seed: bigint) => (stop: AbortSignal) =>
        fleet.run(
          '',
          async ({ connection }, inner) => {
            const body = drawBody({ model, prompt, sampling, limit }, seed);
            return drawnFrom(
              await connection.request('/v1/completions', { body, signal: inner, timeoutMs }),
              connection.name,
            );
          },
          stop,
        );
      const drawn = await allOrNone(seeds.map(draw), signal);
      return drawn.map((one) => completionOf(one, tokenizer, sampling.stop));
    },
    score: () => Promise.reject(new UserError('no-scores', 'model.engine: openai does not score')),
    async close() {
      fleet.close();
    },
  };
}
