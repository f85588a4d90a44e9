import { z } from 'zod';
import { defineUnitTransform, type RewardedSample } from './definition.js';

const settings = z.strictObject({
  keep: z.int().min(1).max(65_536).default(1).describe('Completions of a group that are kept.'),
  above: z
    .number()
    .default(0)
    .describe('A completion whose reward is not above this is dropped, even if it is the best.'),
});

export const bestOfDefinition = defineUnitTransform({
  name: 'bestOf',
  summary: 'Keeps the best completions of each group: best-of-n, as data to imitate.',
  topics: ['verdicts', 'teacher-scores'],
  settings,
  unit: 'group',
  drops: true,
  apply: bestOf,
});

/** The `keep` completions of the highest reward above the limit; of equal rewards the shortest, then the first. */
export function bestOf<S extends RewardedSample>(
  group: readonly S[],
  { keep, above }: z.output<typeof settings>,
): readonly S[] {
  return group
    .filter(({ reward }) => reward > above)
    .toSorted((a, b) => b.reward - a.reward || a.completionTokens.length - b.completionTokens.length)
    .slice(0, keep);
}
