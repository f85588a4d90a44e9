// Knows the chains of chain.yaml: credit for right digits of good completions, blame for wrong digits of bad ones. No
// method can know this; what it gains over grpo is what better credit can gain at most, or nearly.
//
//   shape: { module: methods/chain-oracle.mjs }
import { groupAdvantages } from 'rlsd-streams/methods';
import { z } from 'zod';
import { rightDigits } from '../prompts/chain.mjs';

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
    keepsSign: true,
    shape({ samples, decode, promptTokens }) {
      const question = decode(promptTokens);
      const advantages = groupAdvantages(samples.map(({ reward }) => reward));
      return samples.map(({ completionTokens, mask }, i) => {
        const advantage = advantages[i];
        const words = Array.from(completionTokens, (id) => decode(Int32Array.of(id)).trim());
        const right = rightDigits(question, words);
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
