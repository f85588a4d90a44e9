import { uniformAt } from '../models/random.js';
import { at } from '../support/required.js';
import type { Sampling } from './policy.js';

/**
 * Draws one token, for engines that compute distributions in JavaScript. As in every engine, the draw depends on (seed,
 * t) alone.
 * @param logprobs over the vocabulary, at the temperature of `sampling`
 * @param t tokens that the completion has so far
 */
export function drawToken(logprobs: ArrayLike<number>, sampling: Sampling, seed: bigint, t: number): number {
  const ranked = Array.from(logprobs, (logprob, id) => ({ id, probability: Math.exp(logprob) })).sort(
    (a, b) => b.probability - a.probability || a.id - b.id,
  );
  const [likeliest] = ranked;
  if (!likeliest) throw new RangeError('logprobs: found no tokens, expected the vocabulary');
  if (sampling.temperature === 0) return likeliest.id;
  const least = leastKept(ranked, sampling);
  const kept = ranked.filter(({ probability }) => probability >= least && probability > 0);
  const point = uniformAt(seed, t) * kept.reduce((sum, { probability }) => sum + probability, 0);
  let running = 0;
  for (const { id, probability } of kept) {
    running += probability;
    if (running > point) return id;
  }
  return likeliest.id;
}

/** The least probability that top-k, top-p and min-p keep; tokens as likely as the last one kept are kept too. */
function leastKept(
  ranked: readonly { readonly probability: number }[],
  { topK = Number.POSITIVE_INFINITY, topP = 1, minP = 0 }: Sampling,
): number {
  let before = 0;
  let last = 0;
  for (const [rank, { probability }] of ranked.entries()) {
    if (rank > 0 && (rank >= topK || before >= topP)) break;
    before += probability;
    last = probability;
  }
  return Math.max(last, minP * at(ranked, 0).probability);
}
