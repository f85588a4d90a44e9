import { UserError } from '../../support/errors.js';
import type { ModelOptions } from '../engine.js';
import { type Fleet, newFleet } from '../served/fleet.js';
import { type Connection, connectTo, Unreachable } from '../served/http.js';
import type { TextSide } from '../served/text.js';
import type { Facts } from './facts.js';
import { placesOf } from './places.js';
import { newServers, type Servers, type Wanted } from './servers.js';
import type { VllmSettings } from './settings.js';

/** Servers for one purpose, and what they have. */
export interface Site {
  readonly fleet: Fleet;
  readonly servers: Servers;
}

/** The servers of a policy. */
export interface Sites {
  readonly sampling: Site;
  /** The same as for sampling, unless the teacher has servers of its own. */
  readonly scoring: Site;
  /** Each site once. */
  readonly all: readonly Site[];
  /** Tokens of prompt and completion that all servers and the model take. */
  readonly contextLength: number;
  close(): void;
}

export interface SitesOptions extends Pick<ModelOptions, 'isTeacher'> {
  readonly text: TextSide;
  /** Digest of the base model. */
  readonly base: string;
  readonly wanted: (digest: string) => Wanted;
}

/** A short text of which any tokenizer makes some ids. */
const SAMPLE = 'The answer is 42, since 6 times 7 is 42.';
const PROBE_TOKENS = 16;

/**
 * Opens the servers that the settings name.
 * @throws {UserError} `no-server` where none of a site can be reached; what is wrong with one that answers
 */
export async function openSites(settings: VllmSettings, options: SitesOptions): Promise<Sites> {
  const { text, base, wanted } = options;
  const { apiKey, model, folders, inFlight, retries } = settings;
  const timeoutMs = settings.seconds * 1000;
  let contextLength: number | undefined;
  const accept = ({ maxLength }: Facts, { name }: Connection) => {
    if (contextLength !== undefined && maxLength < contextLength)
      throw new UserError(
        'short-context',
        `${name}: takes ${maxLength} tokens, expected ${contextLength} as at the start; start it with the same ` +
          '--max-model-len as the others',
      );
  };
  const prompt = text.tokenizer.encodePlain(SAMPLE).slice(0, PROBE_TOKENS);
  const openSite = (urls: readonly string[], field: string) => {
    const connections = urls.map((url) => connectTo(url, apiKey));
    const servers = newServers({ model, prompt, timeoutMs, base, folders, wanted, accept });
    const fleet = newFleet({
      connections,
      field,
      inFlight,
      retries,
      outageMs: settings.outage * 1000,
      prepare: (server, digest) => servers.prepare(server, digest),
      confirm: (server) => servers.confirm(server),
    });
    return { fleet, servers, connections };
  };
  const { policy, teacher } = placesOf(settings, options);
  const sampling = openSite(policy.urls, policy.field);
  const scoring = teacher === undefined ? sampling : openSite(teacher.urls, teacher.field);
  const all = [...new Set([sampling, scoring])];
  const close = () => {
    for (const { fleet } of all) fleet.close();
  };
  try {
    const facts = (await Promise.all(all.map(firstFacts))).flat();
    const limits = [text.config.maxPositionEmbeddings, ...facts.map(({ maxLength }) => maxLength)];
    contextLength = Math.min(...limits);
    return { sampling, scoring, all, contextLength, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** What the servers that can be reached say. */
async function firstFacts({
  servers,
  connections,
}: Site & { readonly connections: readonly Connection[] }): Promise<Facts[]> {
  const asked = await Promise.allSettled(connections.map((connection) => servers.facts({ connection, life: 0 })));
  const facts = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const problems = asked.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  const unfit = problems.find((problem) => !(problem instanceof Unreachable));
  if (unfit) throw unfit;
  if (facts.length > 0) return facts;
  throw new UserError('no-server', problems.map((problem) => (problem as Error).message).join('; '));
}
