import { float32Array, float32Bytes, int32Array, int32Bytes } from './arrays.js';
import type { Distillation } from './records.js';

/**
 * A target distribution per completion token: the `k` likeliest tokens and one bucket for the rest of the vocabulary.
 * `T` is the number of completion tokens; rows are contiguous.
 */
export interface DistillationTargets {
  readonly k: number;
  /** `[T, k]` token ids. */
  readonly topIds: Int32Array;
  /** `[T, k]` natural log-probabilities of those ids. */
  readonly topLogprobs: Float32Array;
  /** `[T]` log-probability of all other tokens together. */
  readonly tailLogprobs: Float32Array;
}

/** Targets as stored in a record. */
export function distillationRecord({ k, topIds, topLogprobs, tailLogprobs }: DistillationTargets): Distillation {
  return {
    k,
    topIds: int32Bytes(topIds),
    topLogprobs: float32Bytes(topLogprobs),
    tailLogprobs: float32Bytes(tailLogprobs),
  };
}

/** Targets read from a record. @throws {RangeError} when a length is not a multiple of 4. */
export function distillationTargets({ k, topIds, topLogprobs, tailLogprobs }: Distillation): DistillationTargets {
  return {
    k,
    topIds: int32Array(topIds),
    topLogprobs: float32Array(topLogprobs),
    tailLogprobs: float32Array(tailLogprobs),
  };
}

/** The problem with the shape of targets for `tokens` completion tokens; undefined if valid. */
export function distillationProblem(targets: DistillationTargets, tokens: number): string | undefined {
  const { k, topIds, topLogprobs, tailLogprobs } = targets;
  if (!Number.isInteger(k) || k < 1) return `k: found ${k}, expected a whole number from 1`;
  const lengths = [
    ['topIds', topIds.length, tokens * k],
    ['topLogprobs', topLogprobs.length, tokens * k],
    ['tailLogprobs', tailLogprobs.length, tokens],
  ] as const;
  const wrong = lengths.find(([, found, expected]) => found !== expected);
  if (wrong) return `${wrong[0]}: found ${wrong[1]} values, expected ${wrong[2]}`;
  const broken = topLogprobs.some(Number.isNaN) || tailLogprobs.some(Number.isNaN);
  return broken ? 'found a NaN log-probability, expected numbers or -infinity' : undefined;
}
