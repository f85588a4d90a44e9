import { z } from 'zod';
import { clippedPolicy } from '../losses/clipped-policy.js';
import { sumLosses } from '../losses/loss.js';
import { at } from '../support/required.js';
import { bindMethod, defineMethod } from './bind.js';
import { memberOf } from './check-group.js';
import { uniformCredit } from './grpo.js';
import type { Method, TeacherScores } from './method.js';
import { advantageScale } from './parts/advantage.js';
import {
  distillLoss,
  distillScores,
  distillSettings,
  distillStatistics,
  fullDistillation,
  sampledDistillation,
} from './parts/distill.js';
import { overlong } from './parts/overlong.js';

const settings = z.strictObject({
  coefficient: z
    .number()
    .positive()
    .default(1)
    .describe('Weight of the distillation loss relative to the policy loss.'),
  ...distillSettings({ scores: 'distribution', divergence: 'jensenShannon', k: 'all' }),
  scale: advantageScale,
  overlong,
});

export type GrpoOpsdSettings = z.input<typeof settings>;

export const grpoOpsdDefinition = defineMethod({
  name: 'grpo+opsd',
  summary: 'The sum of both: rewards by GRPO, and imitation of the policy with privileged context.',
  settings,
  statistics: distillStatistics,
  create: (settings) => {
    const { coefficient, scores } = settings;
    const distilled = scores === 'sampled' ? sampledDistillation : fullDistillation;
    return {
      teacher: { ...distillScores(settings), model: 'self', context: 'privileged' },
      usesUniformGroups: true,
      ...(scores === 'distribution' && {
        loss: sumLosses([
          [1, clippedPolicy.create()],
          [coefficient, distillLoss(settings)],
        ]),
      }),
      shape: (group) =>
        uniformCredit(group, settings).map(({ advantage, tokenAdvantages: rewarded }, i) => {
          const { tokenAdvantages, ...rest } = distilled(memberOf(group.samples, i));
          return {
            ...rest,
            advantage,
            tokenAdvantages: tokenAdvantages.map((delta, t) => at(rewarded, t) + coefficient * delta),
          };
        }),
    };
  },
});

/**
 * GRPO's loss plus a coefficient times OPSD's.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2604.03128, where it is a baseline
 * @example teacherScores$.pipe(shapeAdvantage(grpoOpsd({ coefficient: 0.1 })))
 */
export function grpoOpsd(settings: GrpoOpsdSettings = {}): Method<TeacherScores> {
  return bindMethod(grpoOpsdDefinition, settings);
}
