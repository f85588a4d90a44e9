import { z } from 'zod';
import type { Verdict } from '../records/records.js';
import { bindMethod, defineMethod } from './bind.js';
import type { Method, SiblingContext, TeacherScores } from './method.js';
import { evidenceFingerprint, evidenceSettings, evidenceStatistics, shapeByEvidence } from './parts/evidence.js';
import { scheduleAt } from './parts/schedule.js';
import { nextSibling } from './parts/siblings.js';

const settings = z.strictObject(evidenceSettings);

export type RlcsdSettings = z.input<typeof settings>;

export const rlcsdDefinition = defineMethod({
  name: 'rlcsd',
  summary: 'RLSD by contrast: a right sibling as a hint against a wrong one, so that what any hint does cancels.',
  settings,
  statistics: evidenceStatistics,
  fingerprint: (settings) => evidenceFingerprint(settings),
  create: (settings) => ({
    teacher: { scores: 'sampled', model: 'self', context: 'siblings' },
    usesUniformGroups: false,
    keepsSign: true,
    siblingContext: contrastingHints,
    schedules: (step) => ({ lambda: scheduleAt(settings.lambda, step) }),
    shape: shapeByEvidence(
      'rlcsd',
      settings,
      ({ teacherLogprobs, contrastLogprobs }) =>
        teacherLogprobs && contrastLogprobs && { supporting: teacherLogprobs, opposing: contrastLogprobs },
    ),
  }),
});

/**
 * Contrastive self-distillation: RLSD's weighting with the difference between the teacher's log-probability under the
 * best other completion of the group and under the worst. Needs no privileged data. Where the other completions are
 * equally good, credit stays uniform.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2606.11709
 * @example teacherScores$.pipe(shapeAdvantage(rlcsd({ lambda: 1, weightClip: [0.8, 2] })))
 */
export function rlcsd(settings: RlcsdSettings = {}): Method<TeacherScores> {
  return bindMethod(rlcsdDefinition, settings);
}

function contrastingHints(group: readonly Verdict[], sample: Verdict): SiblingContext | null {
  const others = group.filter((other) => other !== sample).map(({ reward }) => reward);
  const [best, worst] = [Math.max(...others), Math.min(...others)];
  if (!(best > worst)) return null;
  const right = nextSibling(group, sample, ({ reward }) => reward === best);
  const wrong = nextSibling(group, sample, ({ reward }) => reward === worst);
  return right && wrong ? { text: right.completion, contrast: wrong.completion } : null;
}
