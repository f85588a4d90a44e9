// Dual-clip PPO (Ye et al. 2020, arXiv 1912.09729, eq. 5) as a loss of your own, in one file. Where the advantage is
// negative, PPO's surrogate has no upper bound: a token whose probability has grown far above its sampling probability
// dominates the gradient. A second bound, `ceiling * A`, cuts it off.
//
// Use it in a pipeline: `learn: { prompts: 24, lr: 5.0e-5, loss: { module: ./losses/dual-clip.mjs, ceiling: 3 } }`.
import { defineLoss } from 'rlsd-streams/losses';
import { z } from 'zod';

export default defineLoss({
  name: 'dualClip',
  summary: 'PPO surrogate with a second bound where the advantage is negative.',
  settings: z.strictObject({
    clip: z.tuple([z.number(), z.number()]).default([0.2, 0.28]).describe('PPO clip range.'),
    ceiling: z.number().gt(1).default(3).describe('Largest ratio that counts where the advantage is negative.'),
  }),
  needsAdvantage: true,
  build(e, at, { clip: [low, high], ceiling }) {
    const zero = e.constant(0);
    const advantage = at.tokenAdvantages;
    const ratio = e.exp(e.sub(at.logprobs, at.samplingLogprobs));
    const unclipped = e.mul(ratio, advantage);
    const clipped = e.mul(e.clip(ratio, 1 - low, 1 + high), advantage);
    const surrogate = e.min(unclipped, clipped);
    const bound = e.where(e.lessOrEqual(zero, advantage), surrogate, e.mul(advantage, e.constant(ceiling)));
    const isWithin = e.lessOrEqual(bound, surrogate);
    const gradient = e.where(e.lessOrEqual(unclipped, clipped), e.neg(unclipped), zero);
    return {
      value: e.neg(e.max(surrogate, bound)),
      gradient: { logprobs: e.where(isWithin, gradient, zero) },
      metrics: { bounded: e.where(isWithin, zero, e.constant(1)), meanRatio: ratio },
    };
  },
});
