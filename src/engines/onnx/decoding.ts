import type { ModelConfig } from '../../models/config.js';
import { uniformAt } from '../../models/random.js';
import { at, get } from '../../support/required.js';
import { type Cache, createCache } from './cache.js';
import type { Session, SessionTensor } from './session.js';

/** One group to complete. Every number is checked already. */
export interface SampleJob {
  readonly prompt: Int32Array;
  readonly seeds: readonly bigint[];
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** Maximum completion tokens. */
  readonly limit: number;
  /** Whether these tokens complete a stop string. */
  readonly stopped: (tokens: readonly number[]) => boolean;
  resolve(completions: readonly Drawn[]): void;
  reject(error: Error): void;
}

export interface Drawn {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  /** Ended by an end token or a stop string, not by the limit. */
  readonly stopped: boolean;
}

/** Work in small steps, so that a worker can alternate between several. */
export interface Unit {
  readonly busy: boolean;
  step(): Promise<void>;
  /** Rejects all its open jobs. */
  fail(error: Error): void;
}

export interface DecodingOptions {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, SessionTensor>;
  readonly prefill: Session;
  readonly decode: Session;
  /** Maximum rows. */
  readonly room: number;
  /** Tokens per row of the cache. */
  readonly capacity: number;
  readonly eosIds: ReadonlySet<number>;
}

interface Group {
  readonly job: SampleJob;
  readonly done: Drawn[];
  admitted: number;
  finished: number;
  /** Keys and values of the prompt without its last token, computed once for all members. */
  prefix: ReadonlyMap<string, SessionTensor> | undefined;
}

/** Feeds and fetches that stay the same while the number of rows does. */
interface Shared {
  readonly rows: number;
  readonly feeds: readonly (readonly [string, SessionTensor])[];
  readonly fetches: ReadonlyMap<string, SessionTensor>;
}

interface Row {
  readonly group: Group;
  readonly member: number;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly seed: bigint;
  /** Valid entries of its cache. */
  length: number;
  newest: number;
}

interface Decoding {
  readonly options: DecodingOptions;
  readonly cache: Cache;
  readonly waiting: Group[];
  /** Without gaps, so that almost nothing is computed for empty places. */
  readonly rows: Row[];
  shared: Shared | undefined;
}

/** The runtime multiplies a single row by another kernel, which gives other bits than the same row among several. */
const FEWEST_ROWS = 2;

/**
 * Continuous batching: each step draws one token per row, and waiting rows take the places of finished ones before the
 * next.
 */
export function createDecoding(options: DecodingOptions): Unit & { add(job: SampleJob): void } {
  const cache = createCache(options.config, Math.max(options.room, FEWEST_ROWS), options.capacity);
  const decoding: Decoding = { options, cache, waiting: [], rows: [], shared: undefined };
  const { waiting, rows } = decoding;
  return {
    get busy() {
      return rows.length > 0 || waiting.length > 0;
    },
    add(job) {
      waiting.push({ job, done: [], admitted: 0, finished: 0, prefix: undefined });
    },
    async step() {
      await admit(decoding);
      const lengths = rows.map((row) => row.length);
      const { feeds, fetches } = sharedFor(decoding, Math.max(rows.length, FEWEST_ROWS));
      const results = await options.decode.run(new Map([...feeds, ...rowFeeds(rows)]), fetches);
      cache.append(results, lengths);
      advance(decoding, results);
    },
    fail(error) {
      for (const group of new Set([...rows.splice(0).map((row) => row.group), ...waiting.splice(0)]))
        group.job.reject(error);
    },
  };
}

/** Moves waiting sequences into free rows. A group's prompt is computed once for all its members. */
async function admit({ options, cache, waiting, rows }: Decoding): Promise<void> {
  const { parameters, prefill, room } = options;
  for (let group = waiting[0]; group && rows.length < room; group = waiting[0]) {
    const { prompt, seeds } = group.job;
    const length = prompt.length - 1;
    if (!group.prefix && length > 0) {
      const tokens = { data: BigInt64Array.from(prompt.subarray(0, length), BigInt), shape: [1, length] };
      group.prefix = await prefill.run(new Map([...parameters, ['tokens', tokens]]));
    }
    while (group.admitted < seeds.length && rows.length < room) {
      const member = group.admitted++;
      if (group.prefix) cache.fill(rows.length, group.prefix);
      const newest = at(prompt, length);
      rows.push({ group, member, tokens: [], logprobs: [], seed: at(seeds, member), length, newest });
    }
    if (group.admitted === seeds.length) {
      group.prefix = undefined;
      waiting.shift();
    }
  }
}

function sharedFor(decoding: Decoding, n: number): Shared {
  if (decoding.shared?.rows === n) return decoding.shared;
  const { parameters, config } = decoding.options;
  const { layers, kvHeads, headDim } = config;
  const fetches = new Map<string, SessionTensor>();
  for (let layer = 0; layer < layers; layer++)
    for (const name of [`newKeys.${layer}`, `newValues.${layer}`])
      fetches.set(name, { data: new Float32Array(n * kvHeads * headDim), shape: [n, kvHeads, headDim] });
  decoding.shared = { rows: n, feeds: [...parameters, ...decoding.cache.view(n)], fetches };
  return decoding.shared;
}

/** What differs between rows and steps. */
function rowFeeds(rows: readonly Row[]): [string, SessionTensor][] {
  const n = Math.max(rows.length, FEWEST_ROWS);
  const column = (value: (row: Row) => number): SessionTensor => {
    const data = new Float32Array(n);
    for (const [i, row] of rows.entries()) data[i] = value(row);
    return { data, shape: [n, 1] };
  };
  const integers = (value: (row: Row) => number, shape: readonly number[]): SessionTensor => {
    const data = new BigInt64Array(n);
    for (const [i, row] of rows.entries()) data[i] = BigInt(value(row));
    return { data, shape };
  };
  return [
    ['tokens', integers((row) => row.newest, [n])],
    ['lengths', integers((row) => row.length, [n])],
    ['uniform', column((row) => uniformAt(row.seed, row.tokens.length))],
    ['temperature', column((row) => row.group.job.temperature)],
    ['topK', integers((row) => row.group.job.topK, [n, 1])],
    ['topP', column((row) => row.group.job.topP)],
    ['minP', column((row) => row.group.job.minP)],
  ];
}

/** Appends each row's new token. The last row takes the place of one that is finished. */
function advance({ options, cache, rows }: Decoding, results: ReadonlyMap<string, SessionTensor>): void {
  const next = get(results, 'next').data;
  const logprobs = get(results, 'logprobs').data;
  // From the last row down: a row that fills a gap has already been handled.
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = at(rows, i);
    row.newest = Number(next[i]);
    row.tokens.push(row.newest);
    row.logprobs.push(Number(logprobs[i]));
    row.length++;
    const stopped = options.eosIds.has(row.newest) || row.group.job.stopped(row.tokens);
    if (!stopped && row.tokens.length < row.group.job.limit) continue;
    finish(row, stopped);
    const last = rows.pop();
    if (last && last !== row) {
      cache.move(rows.length, i);
      rows[i] = last;
    }
  }
}

function finish({ group, member, tokens, logprobs }: Row, stopped: boolean): void {
  group.done[member] = { tokens: Int32Array.from(tokens), logprobs: Float32Array.from(logprobs), stopped };
  if (++group.finished === group.job.seeds.length) group.job.resolve(group.done);
}
