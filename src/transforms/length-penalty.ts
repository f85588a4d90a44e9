import { z } from 'zod';
import { defineUnitTransform, type RewardedSample } from './definition.js';

const tokens = z.int().min(0).max(1_000_000);

const settings = z
  .strictObject({
    from: tokens.describe('Tokens up to which a completion costs nothing.'),
    to: tokens.describe('Tokens from which it costs the whole penalty; linear between the two.'),
    penalty: z.number().positive().max(1_000_000).default(1).describe('Taken off the reward.'),
  })
  .refine(({ from, to }) => from < to, { message: 'expected from below to' });

export const lengthPenaltyDefinition = defineUnitTransform({
  name: 'lengthPenalty',
  summary: 'Takes a penalty off the reward of long completions, growing with their length.',
  topics: ['verdicts'],
  settings,
  unit: 'record',
  drops: false,
  apply: lengthPenalty,
});

/**
 * Soft overlong punishment: `reward - penalty · (length - from) / (to - from)`, between 0 and the whole penalty.
 * @see arXiv 2503.14476, equation 13, where `to` is the token limit and `to - from` the cache
 */
export function lengthPenalty<S extends RewardedSample>(
  unit: readonly S[],
  { from, to, penalty }: z.output<typeof settings>,
): readonly S[] {
  return unit.map((sample) => {
    const share = Math.min(Math.max((sample.completionTokens.length - from) / (to - from), 0), 1);
    return share === 0 ? sample : { ...sample, reward: sample.reward - penalty * share };
  });
}
