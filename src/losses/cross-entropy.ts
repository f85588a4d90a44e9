import { z } from 'zod';
import { defineLoss } from './loss.js';

/** Cross-entropy of the given tokens, `-logprob`: supervised fine-tuning. */
export const crossEntropy = defineLoss({
  name: 'crossEntropy',
  summary: 'Negative log-likelihood of the given tokens.',
  settings: z.strictObject({}),
  needsAdvantage: false,
  build: (e, at) => ({ value: e.neg(at.logprobs), gradient: { logprobs: e.constant(-1) }, metrics: {} }),
});
