import { readFileSync } from 'node:fs';
import { type Answer, type Handler, type Loopback, loopback } from '../served/loopback.js';

/** The model whose answers are recorded. */
export const FOLDER = 'examples/models/arithmetic';

const recorded = JSON.parse(readFileSync('test/engines/vllm/recorded.json', 'utf8')) as Readonly<
  Record<string, unknown>
>;

export interface Playback extends Loopback {
  /** Calls that change what the server has, in order: path and body. */
  readonly changes: string[];
  /** Requests of whose answer nothing is recorded. */
  readonly unknown: string[];
  /** What the server calls its weights; undefined: it takes none. */
  weights: string | undefined;
  /** Names of loaded adapters; undefined: it takes none. */
  adapters: Set<string> | undefined;
  /** Answers in place of the recording, where it gives any. */
  instead: (path: string, body: string) => ReturnType<Handler> | undefined;
}

/** A server that answers as a real vLLM did (scripts/vllm/record.mjs), and whose weights and adapters are pretended. */
export async function playback(): Promise<Playback> {
  const state: Omit<Playback, keyof Loopback> = {
    changes: [],
    unknown: [],
    weights: 'default',
    adapters: new Set(),
    instead: () => undefined,
  };
  const server = await loopback((path, body) => state.instead(path, body) ?? answerOf(state, path, body));
  return Object.assign(state, server);
}

const notFound: Answer = { status: 404, json: { detail: 'Not Found' } };

function answerOf(state: Omit<Playback, keyof Loopback>, path: string, body: string): Answer {
  const { changes, adapters } = state;
  if (path === '/health') return {};
  if (path === '/weight_info')
    return state.weights === undefined ? notFound : { json: { weight_version: state.weights } };
  if (path.startsWith('/v1/load_lora_adapter') && body === '') return adapters ? { status: 405 } : notFound;
  if (/^\/(update_weight_version|collective_rpc|reset_prefix_cache|v1\/(un)?load_lora_adapter)/.test(path)) {
    changes.push(`${path} ${body}`);
    const { new_version: version, lora_name: name } = JSON.parse(body) as Readonly<Record<string, string>>;
    if (version !== undefined) state.weights = version;
    if (name !== undefined && path === '/v1/load_lora_adapter') adapters?.add(name);
    return { json: {} };
  }
  const found = answerTo(state, path, body);
  if (found !== undefined) return { json: found };
  state.unknown.push(`${path} ${body}`);
  return { status: 400, json: { error: { message: 'nothing is recorded for this request' } } };
}

/** An adapter answers as the base model does, under its own name. */
function answerTo({ adapters }: Pick<Playback, 'adapters'>, path: string, body: string): unknown {
  const own = recorded[`${path} ${body}`.trim()];
  if (own !== undefined) return own;
  const model = /^\{"model":"([^"]*)",/.exec(body)?.[1];
  if (model === undefined || !adapters?.has(model)) return undefined;
  const base = recorded[`${path} {${body.slice(`{"model":"${model}",`.length)}`];
  return base === undefined ? undefined : { ...(base as object), model };
}
