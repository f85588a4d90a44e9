import { z } from 'zod';
import { defineLoss } from './loss.js';

/**
 * Divergence from the reference policy by the k3 estimator (Schulman, "Approximating KL Divergence", 2020):
 * `exp(d) - d - 1` with `d = referenceLogprob - logprob`, never negative.
 */
export const referenceKl = defineLoss({
  name: 'referenceKl',
  summary: 'KL divergence from the reference policy, estimated from the sampled tokens (k3).',
  settings: z.strictObject({}),
  needsAdvantage: false,
  build(e, at) {
    const difference = e.sub(at.referenceLogprobs, at.logprobs);
    const ratio = e.exp(difference);
    const one = e.constant(1);
    const kl = e.sub(e.sub(ratio, difference), one);
    return { value: kl, gradient: { logprobs: e.sub(one, ratio) }, metrics: { referenceKl: kl } };
  },
});
