import { z } from 'zod';
import { defineUnitTransform, type RewardedSample } from './definition.js';

export const dropUniformDefinition = defineUnitTransform({
  name: 'dropUniform',
  summary: 'Drops groups whose rewards are all equal: no method that compares rewards learns from them.',
  topics: ['verdicts', 'teacher-scores', 'advantages'],
  settings: z.strictObject({}),
  unit: 'group',
  drops: true,
  apply: dropUniform,
});

/** The group, or nothing where all rewards are equal. */
export function dropUniform<S extends RewardedSample>(group: readonly S[]): readonly S[] {
  return new Set(group.map(({ reward }) => reward)).size > 1 ? group : [];
}
