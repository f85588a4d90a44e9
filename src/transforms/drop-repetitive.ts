import { z } from 'zod';
import { groupTopics } from '../operators/transform.js';
import { type AnySample, defineUnitTransform } from './definition.js';

const settings = z.strictObject({
  ngram: z.int().min(1).max(1000).default(4).describe('Tokens of a sequence that counts as repeated.'),
  above: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe('Share of the sequences that occurred before in the completion, above which it is dropped.'),
});

export const dropRepetitiveDefinition = defineUnitTransform({
  name: 'dropRepetitive',
  summary: 'Drops completions that repeat themselves.',
  topics: groupTopics,
  settings,
  unit: 'record',
  drops: true,
  apply: dropRepetitive,
});

/** The completions whose `repeatedShare` is not above the limit. */
export function dropRepetitive<S extends AnySample>(
  unit: readonly S[],
  { ngram, above }: z.output<typeof settings>,
): readonly S[] {
  return unit.filter(({ completionTokens }) => repeatedShare(completionTokens, ngram) <= above);
}

/** Share of the n-grams of tokens that occurred earlier, from 0 to below 1; 0 where there is no n-gram. */
export function repeatedShare(tokens: Int32Array, n: number): number {
  const count = tokens.length - n + 1;
  if (count <= 0) return 0;
  const distinct = new Set(Array.from({ length: count }, (_, i) => tokens.subarray(i, i + n).join()));
  return (count - distinct.size) / count;
}
