import { z } from 'zod';
import { bindMethod, defineMethod } from './bind.js';
import type { Method, TeacherScores } from './method.js';
import { evidenceFingerprint, evidenceSettings, evidenceStatistics, shapeByEvidence } from './parts/evidence.js';
import { scheduleAt } from './parts/schedule.js';

const settings = z.strictObject({
  ...evidenceSettings,
  against: z
    .enum(['student', 'shuffled'])
    .default('student')
    .describe(
      "What the teacher's score is compared with: the student's, or the teacher's under another prompt's context, " +
        "which leaves what this prompt's context alone says and costs a second forward pass.",
    ),
});

export type RlsdSettings = z.input<typeof settings>;

export const rlsdDefinition = defineMethod({
  name: 'rlsd',
  summary: 'The reward sets the direction; a teacher with privileged context spreads the credit over the tokens.',
  settings,
  statistics: evidenceStatistics,
  fingerprint: (settings) => evidenceFingerprint(settings, ...(settings.against === 'student' ? [] : ['shuffled'])),
  create: (settings) => ({
    teacher: {
      scores: 'sampled',
      model: 'self',
      context: 'privileged',
      ...(settings.against === 'shuffled' && { contrast: 'shuffled' as const }),
    },
    usesUniformGroups: false,
    keepsSign: true,
    schedules: (step) => ({ lambda: scheduleAt(settings.lambda, step) }),
    shape: shapeByEvidence('rlsd', settings, ({ teacherLogprobs, contrastLogprobs, studentLogprobs }) => {
      const opposing = settings.against === 'shuffled' ? contrastLogprobs : studentLogprobs;
      return teacherLogprobs && opposing && { supporting: teacherLogprobs, opposing };
    }),
  }),
});

/**
 * RLSD: the reward sets the direction, the privileged self-teacher spreads it over the tokens.
 *
 * `A_t = A [(1 - lambda) + lambda clip(exp(sign(A) (log p_T - log p_S)), low, high)]`. A group of equal rewards gives 0
 * whatever the teacher says, and needs no teacher scores. A teacher log-probability of -infinity is legal: the weight
 * clips.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2604.03128
 * @example teacherScores$.pipe(shapeAdvantage(rlsd({ lambda: 1, weightClip: [0.8, 2] })))
 */
export function rlsd(settings: RlsdSettings = {}): Method<TeacherScores> {
  return bindMethod(rlsdDefinition, settings);
}
