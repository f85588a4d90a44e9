// Knows the chains of chain.yaml: credit for right digits of good completions, blame for wrong digits of bad ones. No
// method can know this; what it gains over grpo is what better credit can gain at most, or nearly.
//
//   shape: { module: methods/chain-oracle.mjs }
import { groupAdvantages } from 'rlsd-streams/methods';
import { z } from 'zod';

const settings = z.strictObject({
  elsewhere: z.number().min(0).max(1).default(0.1).describe('Share of the credit that all other tokens get.'),
});

/** @type {import('rlsd-streams').MethodDefinition<typeof settings>} */
export default {
  name: 'chain-oracle',
  summary: 'Credit where a chain went right, blame where it went wrong.',
  settings,
  statistics: { wrongSteps: 'Wrong steps of a completion.' },
  create: ({ elsewhere }) => ({
    teacher: { scores: 'none' },
    usesUniformGroups: false,
    shape({ samples, decode, promptTokens }) {
      const [first, ...terms] = decode(promptTokens)
        .match(/chain ([\d ]+)/)[1]
        .trim()
        .split(' ')
        .map(Number);
      const advantages = groupAdvantages(samples.map(({ reward }) => reward));
      return samples.map(({ completionTokens, mask }, i) => {
        const advantage = advantages[i];
        const right = rightDigits(
          Array.from(completionTokens, (id) => decode(Int32Array.of(id)).trim()),
          first,
          terms,
        );
        return {
          advantage,
          tokenAdvantages: Float64Array.from(mask, (trains, t) => {
            const decides = right[t] === advantage > 0;
            return trains ? advantage * (decides ? 1 : elsewhere) : 0;
          }),
          stats: { wrongSteps: right.filter((is) => is === false).length },
        };
      });
    },
  }),
};

/** Whether each word is a right digit; undefined where it is none. A digit is right if it follows from the one before. */
function rightDigits(words, first, terms) {
  let before = first;
  let step = 0;
  return words.map((word, t) => {
    if (!/^\d$/.test(word)) return undefined;
    const term = words[t - 1] === 'answer' ? 0 : terms[step++];
    const right = (before + (term ?? Number.NaN)) % 10 === Number(word);
    before = Number(word);
    return right;
  });
}
