import type { ModelConfig } from '../../models/config.js';
import type { TopScores } from '../policy.js';
import type { Unit } from './decoding.js';
import type { Session, SessionTensor } from './session.js';

/** One sequence to score. Every number is checked already. */
export interface ScoreJob<Result> {
  readonly tokens: Int32Array;
  readonly from: number;
  resolve(result: Result): void;
  reject(error: Error): void;
}

/**
 * Reads the result of one row from the outputs of a run: positions `begin` to `end`, exclusive, of the run's `B x
 * width`.
 */
export type ReadRow<Result> = (outputs: ReadonlyMap<string, SessionTensor>, begin: number, end: number) => Result;

export interface ScoringOptions<Result> {
  readonly config: ModelConfig;
  /** The parameters, the temperature and whatever else is the same for every row. */
  readonly feeds: ReadonlyMap<string, SessionTensor>;
  readonly session: Session;
  readonly read: ReadRow<Result>;
  /** Tokens per row: every sequence of this unit is padded to it. */
  readonly width: number;
}

/** Tokens per run: more gains no speed and takes memory. */
const RUN_TOKENS = 1024;
/** Logits per run, which outweigh everything else where the vocabulary is large. */
const RUN_LOGITS = 1 << 23;

export interface Scoring<Result> extends Unit {
  add(job: ScoreJob<Result>): void;
}

/** Scores sequences of about one length, several per run. */
export function createScoring<Result>(options: ScoringOptions<Result>): Scoring<Result> {
  const { config, feeds, session, read, width } = options;
  const rows = Math.max(1, Math.floor(Math.min(RUN_TOKENS, RUN_LOGITS / config.vocabSize) / width));
  const waiting: ScoreJob<Result>[] = [];
  let running: ScoreJob<Result>[] = [];
  return {
    get busy() {
      return waiting.length > 0;
    },
    add(job) {
      waiting.push(job);
    },
    async step() {
      running = waiting.splice(0, rows);
      const outputs = await session.run(new Map([...feeds, ...batchOf(running, width)]));
      for (const [row, job] of running.entries())
        job.resolve(read(outputs, row * width + job.from - 1, row * width + job.tokens.length - 1));
      running = [];
    },
    fail(error) {
      for (const job of [...running.splice(0), ...waiting.splice(0)]) job.reject(error);
    },
  };
}

function batchOf(jobs: readonly { readonly tokens: Int32Array }[], width: number): [string, SessionTensor][] {
  const tokens = new BigInt64Array(jobs.length * width);
  const targets = new BigInt64Array(jobs.length * width);
  for (const [row, job] of jobs.entries())
    for (const [t, token] of job.tokens.entries()) {
      tokens[row * width + t] = BigInt(token);
      if (t > 0) targets[row * width + t - 1] = BigInt(token);
    }
  const shape = [jobs.length, width];
  return [
    ['tokens', { data: tokens, shape }],
    ['targets', { data: targets, shape }],
  ];
}

/** Reads `logprobs` of `scoreGraph`. */
export const readLogprobs: ReadRow<Float32Array> = (outputs, begin, end) =>
  floatsOf(outputs, 'logprobs').slice(begin, end);

/** Reads the outputs of `topGraph`. */
export const readTop =
  (k: number): ReadRow<TopScores> =>
  (outputs, begin, end) => {
    const ids = outputs.get('topIds')?.data;
    if (!(ids instanceof BigInt64Array)) throw new Error('the graph has no output topIds');
    return {
      ids: Int32Array.from(ids.subarray(begin * k, end * k), Number),
      logprobs: floatsOf(outputs, 'topLogprobs').slice(begin * k, end * k),
      tailLogprobs: floatsOf(outputs, 'tailLogprobs').slice(begin, end),
    };
  };

function floatsOf(outputs: ReadonlyMap<string, SessionTensor>, name: string): Float32Array {
  const data = outputs.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the graph has no output ${name}`);
  return data;
}
