import { resolve, sep } from 'node:path';
import { UserError } from '../../support/errors.js';
import { type Server, Stale } from '../served/fleet.js';
import { Busy, type Connection, Refused } from '../served/http.js';
import { together } from '../served/together.js';
import { type Facts, type GreetOptions, greet, weightsOf } from './facts.js';

/** Weights that a server is to have. */
export interface Wanted {
  readonly folder: string;
  /** SHA-256 of the weights' bytes, by which servers know them. */
  readonly digest: string;
}

/** An adapter over the base model. */
export interface Adapter {
  /** The model's name in requests; contains the digest. */
  readonly name: string;
  readonly folder: string;
}

export interface ServersOptions extends Omit<GreetOptions, 'signal'> {
  /** Digest of the base model, which a server has that nobody has loaded other weights into. */
  readonly base: string;
  /** From folders of this machine to those of the servers. */
  readonly folders: Readonly<Record<string, string>>;
  readonly wanted: (digest: string) => Wanted;
  /** Refuses a server that was started with other limits than those before it. */
  readonly accept: (facts: Facts, connection: Connection) => void;
}

/** What is known of a server until it may have restarted. */
interface Known {
  readonly life: number;
  readonly facts: Promise<Facts>;
  /** The switch to the present weights. */
  ready: Promise<void>;
  digest: string | undefined;
  /** How the server names the present weights. */
  weights: string | undefined;
  readonly adapters: Map<string, Promise<void>>;
  readonly confirm: () => Promise<string | undefined>;
}

/** Brings weights and adapters to servers, and knows which has what. */
export interface Servers {
  facts(server: Server): Promise<Facts>;
  /** Makes whole weights those of this digest. Nothing may be in flight that wants others. */
  prepare(server: Server, digest: string): Promise<void>;
  /** Whether a server still has the weights that it was prepared with, asked after its answer. */
  confirm(server: Server): Promise<boolean>;
  /** Loads an adapter that the server does not have yet. */
  adapt(server: Server, adapter: Adapter): Promise<void>;
  /** Unloads an adapter from all servers that have it. */
  drop(adapter: Adapter): Promise<void>;
}

export function newServers(options: ServersOptions): Servers {
  const { timeoutMs } = options;
  const known = new Map<Connection, Known>();

  function of({ connection, life }: Server): Known {
    const before = known.get(connection);
    if (before?.life === life) return before;
    const facts = greet(connection, options).then((found) => {
      options.accept(found, connection);
      return found;
    });
    const fresh: Known = {
      life,
      facts,
      ready: Promise.resolve(),
      digest: undefined,
      weights: undefined,
      adapters: new Map(),
      confirm: together(() => weightsOf(connection, { timeoutMs })),
    };
    known.set(connection, fresh);
    // A later request asks again.
    facts.catch(() => known.get(connection) === fresh && known.delete(connection));
    return fresh;
  }

  return {
    facts: (server) => of(server).facts,
    async prepare(server, digest) {
      const state = of(server);
      const { weights } = await state.facts;
      if (state.digest === digest) return state.ready;
      state.digest = digest;
      state.ready = switchTo(server.connection, options, { digest, takesWeights: weights !== undefined }).then(
        (name) => {
          state.weights = name;
        },
      );
      state.ready.catch(() => {
        if (state.digest === digest) state.digest = undefined;
      });
      return state.ready;
    },
    async confirm(server) {
      const { weights, confirm } = of(server);
      return weights === undefined || (await confirm()) === weights;
    },
    async adapt(server, adapter) {
      const state = of(server);
      const { takesAdapters } = await state.facts;
      const loaded =
        state.adapters.get(adapter.name) ?? loadAdapter(server.connection, options, { adapter, takesAdapters });
      state.adapters.set(adapter.name, loaded);
      loaded.catch(() => state.adapters.delete(adapter.name));
      return loaded;
    },
    async drop({ name }) {
      const body = JSON.stringify({ lora_name: name });
      const holders = [...known].filter(([, { adapters }]) => adapters.delete(name));
      // A server that is down has lost it anyway.
      await Promise.allSettled(
        holders.map(([connection]) => connection.request('/v1/unload_lora_adapter', { body, timeoutMs })),
      );
    },
  };
}

const PREFIX = 'rlsd-';

/** The name that whole weights have at a server. */
const nameOf = (digest: string): string => `${PREFIX}${digest.slice(0, 32)}`;

export const adapterName = (digest: string): string => `${PREFIX}adapter-${digest.slice(0, 32)}`;

/** What a server calls weights that nobody has loaded since its start. */
const STARTED_WITH = 'default';

/** Whether a server of these weights has the base model, as far as it tells. */
export const isBase = (weights: string | undefined, base: string): boolean =>
  weights === undefined || weights === STARTED_WITH || weights === nameOf(base);

interface Switch {
  readonly digest: string;
  readonly takesWeights: boolean;
}

/**
 * Loads whole weights where the server does not have them.
 * @returns the name that the server confirmed; undefined where it tells none
 */
async function switchTo(
  connection: Connection,
  { base, folders, wanted, timeoutMs }: ServersOptions,
  { digest, takesWeights }: Switch,
): Promise<string | undefined> {
  const wantsBase = digest === base;
  if (!takesWeights) {
    if (wantsBase) return undefined;
    throw new UserError(
      'no-weights',
      `${connection.name}: takes no whole weights; start it with VLLM_SERVER_DEV_MODE=1, in a network that only the ` +
        "run's machines reach",
    );
  }
  const name = nameOf(digest);
  const found = await weightsOf(connection, { timeoutMs });
  if (found === name || (wantsBase && isBase(found, base))) return found;
  const path = seenFrom(wanted(digest).folder, folders);
  const post = (where: string, body: object) => connection.request(where, { body: JSON.stringify(body), timeoutMs });
  // Weights that are half loaded have a name that nobody asks for.
  await post('/update_weight_version', { new_version: `${name}, loading` });
  try {
    await post('/collective_rpc', { method: 'reload_weights', kwargs: { weights_path: path } });
  } catch (error) {
    if (!(error instanceof Busy)) throw error;
    throw new Busy(
      `${error.message}; loading ${path}, which the server has to see (model.engine.vllm.folders)`,
      error.status,
    );
  }
  await post('/reset_prefix_cache', {});
  await post('/update_weight_version', { new_version: name });
  const confirmed = await weightsOf(connection, { timeoutMs });
  if (confirmed !== name) throw new Stale(`${connection.name}: has weights ${confirmed}, expected ${name}`);
  return name;
}

/** A folder of this machine as the servers see it: under the longest folder that `folders` names. */
export function seenFrom(folder: string, folders: Readonly<Record<string, string>>): string {
  const whole = resolve(folder);
  const within = (outer: string) => whole === outer || whole.startsWith(outer.endsWith(sep) ? outer : outer + sep);
  const [best] = Object.entries(folders)
    .map(([here, there]) => [resolve(here), there] as const)
    .filter(([here]) => within(here))
    .sort(([a], [b]) => b.length - a.length);
  if (!best) return whole;
  const [here, there] = best;
  return there.replace(/[\\/]+$/, '') + whole.slice(here.length).replaceAll(sep, '/');
}

interface Loading {
  readonly adapter: Adapter;
  readonly takesAdapters: boolean;
}

async function loadAdapter(
  connection: Connection,
  { folders, timeoutMs }: ServersOptions,
  { adapter: { name, folder }, takesAdapters }: Loading,
): Promise<void> {
  if (!takesAdapters)
    throw new UserError(
      'no-adapters',
      `${connection.name}: takes no adapters; start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`,
    );
  const path = seenFrom(folder, folders);
  const body = JSON.stringify({ lora_name: name, lora_path: path });
  try {
    await connection.request('/v1/load_lora_adapter', { body, timeoutMs });
  } catch (error) {
    // Another process of this run was faster; the name contains the digest.
    if (error instanceof Refused && /already been loaded/.test(error.message)) return;
    if (error instanceof Busy && /not enabled/i.test(error.message))
      throw new UserError('no-adapters', `${error.message}; start the server with --enable-lora`);
    if (error instanceof Refused)
      throw new UserError(
        'no-adapters',
        `${error.message}; loading ${path}, which the server has to see (model.engine.vllm.folders)`,
      );
    throw error;
  }
}
