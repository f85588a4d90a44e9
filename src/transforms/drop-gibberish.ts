import { z } from 'zod';
import { defineUnitTransform, type TextSample } from './definition.js';

const settings = z.strictObject({
  logprob: z
    .number()
    .max(0)
    .default(-12)
    .describe('Natural log-probability below which no token may have been sampled.'),
  unreadable: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Share of characters that are replacement characters, controls, private or unassigned.'),
});

export const dropGibberishDefinition = defineUnitTransform({
  name: 'dropGibberish',
  summary: 'Drops completions with a token that the policy itself held for impossible, or with unreadable text.',
  topics: ['rollouts', 'verdicts', 'teacher-scores'],
  settings,
  unit: 'record',
  drops: true,
  apply: dropGibberish,
});

/** The completions without such a token whose `unreadableShare` is not above the limit. */
export function dropGibberish<S extends TextSample>(
  unit: readonly S[],
  { logprob, unreadable }: z.output<typeof settings>,
): readonly S[] {
  return unit.filter(
    ({ samplingLogprobs, completion }) =>
      samplingLogprobs.every((value) => value >= logprob) && unreadableShare(completion) <= unreadable,
  );
}

/** Share of the characters that are U+FFFD, controls other than white space, private, or unassigned; 0 to 1. */
export function unreadableShare(text: string): number {
  const characters = Array.from(text);
  const bad = characters.filter((c) => /\uFFFD|(?!\s)\p{Cc}|\p{Co}|\p{Cn}|\p{Cs}/u.test(c));
  return characters.length === 0 ? 0 : bad.length / characters.length;
}
