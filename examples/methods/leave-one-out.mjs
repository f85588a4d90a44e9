// RLOO: each completion is compared with the mean reward of the others in its group (arXiv 2402.14740).
//
//   shape: { module: methods/leave-one-out.mjs, failures: 0.5 }
import { z } from 'zod';

const settings = z.strictObject({
  failures: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('How much completions below the baseline count; 0 learns from better ones only.'),
});

/** @type {import('rlsd-streams').MethodDefinition<typeof settings>} */
export default {
  name: 'leave-one-out',
  summary: 'Reward minus the mean reward of the other completions.',
  settings,
  statistics: { baseline: 'Mean reward of the other completions.' },
  create: ({ failures }) => ({
    teacher: { scores: 'none' },
    usesUniformGroups: false,
    keepsSign: true,
    shape({ samples }) {
      const total = samples.reduce((sum, { reward }) => sum + reward, 0);
      return samples.map(({ reward, mask }) => {
        const baseline = samples.length > 1 ? (total - reward) / (samples.length - 1) : reward;
        const difference = reward - baseline;
        const advantage = difference < 0 ? failures * difference : difference;
        return {
          advantage,
          tokenAdvantages: Float64Array.from(mask, (trains) => (trains ? advantage : 0)),
          stats: { baseline },
        };
      });
    },
  }),
};
