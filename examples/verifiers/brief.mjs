// A verifier of your own in one file: the last number must be the reference, and brevity earns the rest of the reward.
import { z } from 'zod';

/** Checked by `rlsd check`, like the settings of any verifier. */
export const settings = z.strictObject({
  words: z.int().min(1).default(40).describe('A right answer in more words than this earns half.'),
});

export default function brief({ completion, reference }, { words }) {
  const answer = completion.match(/-?\d+(\.\d+)?/g)?.at(-1);
  if (answer === undefined) return { verdict: 'unparseable', reward: 0, reason: 'no number in the completion' };
  if (Number(answer) !== Number(reference.answer)) {
    return { verdict: 'incorrect', reward: 0, reason: `${answer} is not the reference`, evidence: { answer } };
  }
  const used = completion.trim().split(/\s+/).length;
  return {
    verdict: 'correct',
    reward: used <= words ? 1 : 0.5,
    reason: `right, in ${used} words`,
    evidence: { answer },
  };
}
