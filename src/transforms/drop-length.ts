import { z } from 'zod';
import { groupTopics } from '../operators/transform.js';
import { type AnySample, defineUnitTransform } from './definition.js';

const settings = z
  .strictObject({
    min: z.int().min(1).max(1_000_000).optional().describe('Fewest tokens of a completion, the stop token included.'),
    max: z.int().min(1).max(1_000_000).optional().describe('Most tokens of a completion.'),
    truncated: z.boolean().default(false).describe('Also drop completions that the token limit cut off.'),
  })
  .refine(({ min, max, truncated }) => min !== undefined || max !== undefined || truncated, {
    message: 'drops nothing; expected min, max or truncated: true',
  })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, {
    message: 'drops everything; expected min up to max',
  });

export const dropLengthDefinition = defineUnitTransform({
  name: 'dropLength',
  summary: 'Drops completions that are shorter or longer than given, or cut off.',
  topics: groupTopics,
  settings,
  unit: 'record',
  drops: true,
  apply: dropLength,
});

/** The completions of between `min` and `max` tokens; with `truncated`, only those that ended by themselves. */
export function dropLength<S extends AnySample>(
  unit: readonly S[],
  { min = 0, max = Infinity, truncated }: z.output<typeof settings>,
): readonly S[] {
  return unit.filter(
    ({ completionTokens: { length }, finishReason }) =>
      length >= min && length <= max && !(truncated && finishReason === 'length'),
  );
}
