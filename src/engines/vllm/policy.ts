import { modelDigest } from '../../models/folder.js';
import { UserError } from '../../support/errors.js';
import { get } from '../../support/required.js';
import { checkK, checkPrompt, checkSampling, checkScore, checkVersion, type Limits } from '../check-request.js';
import type { ModelOptions } from '../engine.js';
import type { Policy, ScoreRequest } from '../policy.js';
import { type Server, Stale } from '../served/fleet.js';
import { Refused } from '../served/http.js';
import { completionOf, openTextSide } from '../served/text.js';
import { allOrNone } from '../served/together.js';
import { drawProblem } from './facts.js';
import { scoreProblem } from './places.js';
import { drawBody, drawnFrom, type ScoredTokens, scoreBody, scoresFrom, topScoresFrom } from './protocol.js';
import type { VllmSettings } from './settings.js';
import { openSites, type Site } from './sites.js';
import { holdVersions, type Version } from './versions.js';

/**
 * A policy on vLLM servers. Prompts are sent as token ids from the model's folder on this machine. Versions of whole
 * weights are loaded into a server when something asks for them, once what it is doing is finished; adapters stay next
 * to each other. Only answers of a server that confirms its version afterwards count.
 * @throws {UserError} where no server can be reached, or one is not fit
 */
export async function openVllmPolicy(settings: VllmSettings, options: ModelOptions): Promise<Policy> {
  const { folder } = options;
  const { model } = settings;
  const text = openTextSide(options, () => contextLength);
  const { config, tokenizer } = text;
  const base = modelDigest(folder);
  const held = holdVersions({ folder, digest: base });
  const { versions, wanted } = held;
  const sites = await openSites(settings, { ...options, text, base, wanted });
  const { sampling: drawing, scoring, contextLength } = sites;
  const limits: Limits = { contextLength, vocabSize: config.vocabSize, versions };
  const timeoutMs = settings.seconds * 1000;
  const ask = <T>(site: Site, version: number, work: Ask<T>, signal?: AbortSignal) =>
    askSite(site, { version: get(versions, version), model, timeoutMs, signal }, work);

  async function scored<T>(version: number, { request, top, read, signal }: Scoring<T>): Promise<T> {
    checkScore(version, request, limits);
    const { tokens, from, temperature } = request;
    if (temperature !== 1 && temperature !== 0) throw new UserError('bad-score', scoreProblem(temperature));
    const work: Ask<T> = async ({ named, send, name }) =>
      read(await send(scoreBody(named, tokens, top)), { model: named, tokens, from }, name);
    return ask(scoring, version, work, signal);
  }

  return {
    contextLength,
    ...text.policy,
    has: (version) => versions.has(version),
    async load(version, from, digest) {
      held.add(version, from, digest);
    },
    async unload(version) {
      const adapter = held.remove(version);
      if (adapter) for (const { servers } of sites.all) await servers.drop(adapter);
    },
    async sample(version, { prompt, seeds, sampling }, signal) {
      checkVersion(version, limits);
      checkSampling(sampling);
      checkPrompt(prompt, limits);
      const limit = Math.min(sampling.maxTokens, contextLength - prompt.length);
      const draw = (seed: bigint) => async (stop: AbortSignal) =>
        ask(
          drawing,
          version,
          async ({ named, send, server, name }) => {
            const { logprobs } = await drawing.servers.facts(server);
            const problem = drawProblem(sampling, logprobs);
            if (problem !== undefined) throw new UserError('bad-sampling', `${name}: ${problem}`);
            const request = { model: named, prompt, sampling, limit, eosIds: tokenizer.eosIds };
            return drawnFrom(await send(drawBody(request, seed)), request, name);
          },
          stop,
        );
      const drawn = await allOrNone(seeds.map(draw), signal);
      return drawn.map((one) => completionOf(one, tokenizer, sampling.stop));
    },
    score: (version, request, signal) => scored(version, { request, top: 0, read: scoresFrom, signal }),
    async scoreTop(version, request, signal) {
      const { k } = request;
      checkK(k, config.vocabSize);
      return scored(version, {
        request,
        top: k,
        read: (answer, at, name) => topScoresFrom(answer, { ...at, k }, name),
        signal,
      });
    },
    async close() {
      sites.close();
    },
  };
}

interface Scoring<T> {
  readonly request: ScoreRequest;
  /** Likeliest tokens to ask for. */
  readonly top: number;
  readonly read: (answer: unknown, scored: ScoredTokens, name: string) => T;
  readonly signal: AbortSignal | undefined;
}

/** A server that has a version. */
interface Asked {
  /** The model's name in requests; undefined for the only one. */
  readonly named: string | undefined;
  readonly send: (body: string) => Promise<unknown>;
  readonly server: Server;
  readonly name: string;
}
type Ask<T> = (asked: Asked) => Promise<T>;

interface Question {
  readonly version: Version;
  /** Name of the base model. */
  readonly model: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Does work at a server of a site that has the version. */
function askSite<T>({ fleet, servers }: Site, question: Question, work: Ask<T>): Promise<T> {
  const { version, model, timeoutMs, signal } = question;
  const { digest, adapter } = version;
  return fleet.run(
    digest,
    async (server, stop) => {
      if (adapter) await servers.adapt(server, adapter);
      const { connection } = server;
      const send = (body: string) => connection.request('/v1/completions', { body, signal: stop, timeoutMs });
      try {
        return await work({ named: adapter?.name ?? model, send, server, name: connection.name });
      } catch (error) {
        // A restarted server has no adapters.
        if (adapter && error instanceof Refused && error.status === 404) throw new Stale(error.message);
        throw error;
      }
    },
    signal,
  );
}
