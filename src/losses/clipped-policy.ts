import { z } from 'zod';
import { defineLoss } from './loss.js';

/**
 * The clipped surrogate of PPO (Schulman et al. 2017, arXiv 1707.06347, eq. 7) with separate bounds (DAPO, arXiv
 * 2503.14476):
 * `-min(ratio * A, clip(ratio, 1 - low, 1 + high) * A)`, `ratio = exp(logprob - samplingLogprob)`.
 */
export const clippedPolicy = defineLoss({
  name: 'clippedPolicy',
  summary: 'PPO surrogate: advantage times the probability ratio, clipped.',
  settings: z.strictObject({
    clip: z
      .tuple([z.number().gt(0).lt(1), z.number().positive()])
      .default([0.2, 0.28])
      .describe('PPO clip range: the ratio counts from `1 - low` to `1 + high`.'),
  }),
  needsAdvantage: true,
  build(e, at, { clip: [low, high] }) {
    const difference = e.sub(at.logprobs, at.samplingLogprobs);
    const ratio = e.exp(difference);
    const unclipped = e.mul(ratio, at.tokenAdvantages);
    const clipped = e.mul(e.clip(ratio, 1 - low, 1 + high), at.tokenAdvantages);
    const isUnclipped = e.lessOrEqual(unclipped, clipped);
    const zero = e.constant(0);
    return {
      value: e.neg(e.min(unclipped, clipped)),
      // The clipped side is constant; elsewhere d(ratio * A) / d(logprob) is ratio * A itself.
      gradient: { logprobs: e.where(isUnclipped, e.neg(unclipped), zero) },
      metrics: {
        clipped: e.where(isUnclipped, zero, e.constant(1)),
        meanRatio: ratio,
        // The k3 estimate of KL(sampling policy || current policy).
        kl: e.sub(e.sub(ratio, e.constant(1)), difference),
      },
    };
  },
});
