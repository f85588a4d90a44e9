import type { ModelConfig } from '../../models/config.js';
import type { Unit } from './decoding.js';
import type { Session, Tensor } from './session.js';

/** One sequence to score. Every number is checked already. */
export interface ScoreJob {
  readonly tokens: Int32Array;
  readonly from: number;
  resolve(logprobs: Float32Array): void;
  reject(error: Error): void;
}

export interface ScoringOptions {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly score: Session;
  /** Tokens a row: every sequence of this unit is padded to it. */
  readonly width: number;
  /** Above 0. */
  readonly temperature: number;
}

/** Tokens in one run: more gains no speed and takes memory. */
const RUN_TOKENS = 1024;
/** Logits in one run, which weigh more than all else where the vocabulary is large. */
const RUN_LOGITS = 1 << 23;

/** Scores sequences of about one length, several a run. */
export function createScoring(options: ScoringOptions): Unit & { add(job: ScoreJob): void } {
  const { config, parameters, score, width, temperature } = options;
  const rows = Math.max(1, Math.floor(Math.min(RUN_TOKENS, RUN_LOGITS / config.vocabSize) / width));
  const waiting: ScoreJob[] = [];
  let running: ScoreJob[] = [];
  return {
    get busy() {
      return waiting.length > 0;
    },
    add(job) {
      waiting.push(job);
    },
    async step() {
      running = waiting.splice(0, rows);
      const tokens = new BigInt64Array(running.length * width);
      const targets = new BigInt64Array(running.length * width);
      for (const [row, job] of running.entries())
        for (const [t, token] of job.tokens.entries()) {
          tokens[row * width + t] = BigInt(token);
          if (t > 0) targets[row * width + t - 1] = BigInt(token);
        }
      const dims = [running.length, width];
      const results = await score.run(
        new Map([
          ...parameters,
          ['tokens', { data: tokens, dims }],
          ['targets', { data: targets, dims }],
          ['temperature', { data: Float32Array.of(temperature), dims: [1] }],
        ]),
      );
      const logprobs = results.get('logprobs')?.data;
      if (!(logprobs instanceof Float32Array)) throw new Error('the graph gave no logprobs');
      for (const [row, job] of running.entries())
        job.resolve(logprobs.slice(row * width + job.from - 1, row * width + job.tokens.length - 1));
      running = [];
    },
    fail(error) {
      for (const job of [...running.splice(0), ...waiting.splice(0)]) job.reject(error);
    },
  };
}
