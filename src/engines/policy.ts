import type { Message } from '../records/records.js';

/** How completions are drawn. Defaults: temperature 1, everything else off. */
export interface Sampling {
  /** 0: greedy. */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** Maximum completion tokens, the stop token included. */
  readonly maxTokens: number;
  readonly stop?: readonly string[];
}

export interface Completion {
  /** Token ids, the end token included where one was drawn. */
  readonly tokens: Int32Array;
  /** Natural logs per token under logits / temperature, before truncation; temperature 0 counts as 1. */
  readonly logprobs: Float32Array;
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
}

export interface SampleRequest {
  readonly prompt: Int32Array;
  /**
   * One per completion; the completions of a prompt share one prefill. Draw t of a completion depends on (seed, t)
   * alone.
   */
  readonly seeds: readonly bigint[];
  readonly sampling: Sampling;
}

export interface ScoreRequest {
  /** Ids of prompt and completion. */
  readonly tokens: Int32Array;
  /** Index of the first token to score, from 1. */
  readonly from: number;
  readonly temperature: number;
}

/** The likeliest tokens at each scored position, contiguous rows of `k`. */
export interface TopScores {
  /** `[T, k]` token ids, the likeliest first. */
  readonly ids: Int32Array;
  /** `[T, k]` natural log-probabilities. */
  readonly logprobs: Float32Array;
  /** `[T]` log-probability of all other tokens together. */
  readonly tailLogprobs: Float32Array;
}

/**
 * A model in several versions of its weights. Text and ids meet only here.
 * The same request gives the same bits whatever else runs at the same time.
 */
export interface Policy {
  /**
   * Ids of the conversation in the chat template, up to where the answer starts. @throws where it leaves no room for an
   * answer
   */
  encodePrompt(messages: readonly Message[]): Int32Array;
  decode(tokens: Int32Array): string;
  readonly templateHash: string;
  /** Whether prompts may depend on the date, which a run then records. Default: no. */
  readonly readsDate?: boolean;
  /** Maximum tokens of prompt and completion together. */
  readonly contextLength: number;
  /** Number of token ids. Methods that compare whole distributions need it. */
  readonly vocabularySize?: number;
  /** Whether `load` compares the weights with the digest that it is given. Otherwise its caller does. Default: no. */
  readonly checksDigests?: boolean;
  /**
   * Loads a version of the weights from a Hugging Face folder or, where the engine runs adapters, from an adapter's in
   * PEFT's layout, which goes over the model that the policy was opened with.
   * @param digest SHA-256 of the weight files' bytes, where the caller knows it
   */
  load(version: number, folder: string, digest?: string): Promise<void>;
  /** Frees a version's memory. */
  unload(version: number): Promise<void>;
  has(version: number): boolean;
  /** Once `signal` aborts, nobody waits for the result: a policy may drop the work and reject, or ignore it. */
  sample(version: number, request: SampleRequest, signal?: AbortSignal): Promise<Completion[]>;
  /** Natural log-probability of tokens[from..] given what precedes each. */
  score(version: number, request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array>;
  /** The `k` likeliest tokens at each position of tokens[from..]. Present where the engine scores top-k. */
  scoreTop?(version: number, request: ScoreRequest & { readonly k: number }, signal?: AbortSignal): Promise<TopScores>;
  close(): Promise<void>;
}
