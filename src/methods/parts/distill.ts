import { z } from 'zod';
import { type DivergenceName, distillation, divergenceSettings } from '../../losses/distillation.js';
import type { Loss } from '../../losses/loss.js';
import { UserError } from '../../support/errors.js';
import type { JudgedSample, MethodBehavior, ShapedSample, TeacherScores } from '../method.js';

/** The largest difference of log-probabilities that the sampled estimate counts. */
const MAX_DELTA = 10;

interface Defaults {
  readonly scores: 'distribution' | 'sampled';
  readonly divergence: DivergenceName;
  readonly k: number | 'all';
}

/** Settings of the methods that pull the student towards a teacher's distribution. */
export const distillSettings = (defaults: Defaults) => ({
  scores: z
    .enum(['distribution', 'sampled'])
    .default(defaults.scores)
    .describe(
      `What the teacher gives: its distribution at each position, which the loss compares with the student's; or ` +
        `its log-probability of the sampled token, whose difference from the student's becomes the token's ` +
        `advantage (the reverse KL, estimated from one sample), at most ${MAX_DELTA} either way.`,
    ),
  ...divergenceSettings(defaults.divergence),
  k: z
    .union([z.int().min(1), z.literal('all')])
    .default(defaults.k)
    .describe(
      'How many of the likeliest tokens of each position are compared one by one, the others as one; `all`: the ' +
        'whole vocabulary. A record holds 8 bytes for each and token.',
    ),
});

export type DistillSettings = z.output<z.ZodObject<ReturnType<typeof distillSettings>>>;

export const distillStatistics = {
  teacherStudentDelta: 'Mean teacher minus student log-probability per scored token.',
} as const;

/** The scores to ask the teacher for. */
export const distillScores = ({ scores, k }: Pick<DistillSettings, 'scores' | 'k'>) =>
  scores === 'sampled' ? ({ scores: 'sampled' } as const) : ({ scores: 'topK', k } as const);

/** The loss over the teacher's distribution. */
export function distillLoss({ divergence, beta, pointClip }: DistillSettings): Loss {
  return distillation.create({ divergence, beta, ...(pointClip !== undefined && { pointClip }) });
}

/** Teacher minus student log-probability of each trained token, at most 10 either way. */
export function sampledDeltas({ teacherLogprobs, studentLogprobs, mask }: JudgedSample): Float64Array {
  return Float64Array.from(mask, (trains, t) => {
    if (!trains || !teacherLogprobs) return 0;
    const delta = Number(teacherLogprobs[t]) - Number(studentLogprobs[t]);
    return Math.min(Math.max(delta, -MAX_DELTA), MAX_DELTA);
  });
}

/** A sample trained on the sampled estimate of the reverse KL. */
export function sampledDistillation(sample: JudgedSample): ShapedSample {
  const tokenAdvantages = sampledDeltas(sample);
  const tokens = tokenAdvantages.reduce((sum, _, t) => sum + (sample.mask[t] ? 1 : 0), 0);
  const total = tokenAdvantages.reduce((sum, delta) => sum + delta, 0);
  const stats = sample.teacherLogprobs && tokens > 0 ? { teacherStudentDelta: total / tokens } : {};
  return { advantage: 0, tokenAdvantages, stats };
}

/** A sample trained towards the teacher's distribution. */
export function fullDistillation({ id, mask, teacherTop }: JudgedSample): ShapedSample {
  if (!teacherTop)
    throw new UserError('bad-scores', `sample ${id}: found no teacher distribution, expected one for each token`);
  return { advantage: 0, tokenAdvantages: new Float64Array(mask.length), distillation: teacherTop, stats: {} };
}

/** A method that does nothing but distill: its teacher, its loss and its samples. */
export function distillOnly(
  settings: DistillSettings,
  teacher: Pick<TeacherScores, 'model' | 'context'>,
): MethodBehavior<TeacherScores> {
  const fromSamples = settings.scores === 'sampled';
  return {
    teacher: { ...distillScores(settings), ...teacher },
    usesUniformGroups: true,
    ...(!fromSamples && { loss: distillLoss(settings) }),
    shape: ({ samples }) => samples.map(fromSamples ? sampledDistillation : fullDistillation),
  };
}
