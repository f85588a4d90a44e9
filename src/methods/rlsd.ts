import { z } from 'zod';
import { UserError } from '../support/errors.js';
import { advantageScale, groupAdvantages } from './advantage.js';
import { bindMethod, defineMethod } from './bind.js';
import { memberOf } from './check-group.js';
import type { JudgedGroup, JudgedSample, Method, ShapedSample, TeacherScores } from './method.js';
import { scheduleAt, shareSchedule } from './schedule.js';
import { spanBetween } from './span.js';

const marker = z.string().min(1);

const settings = z.strictObject({
  lambda: shareSchedule
    .default({ from: 0.5, to: 0, over: 50 })
    .describe(
      "Share of the teacher's weighting, in [0, 1]; 0 is GRPO. A number, or a straight line in training steps.",
    ),
  weightClip: z
    .union([z.number().gt(0).lt(1), z.tuple([z.number().min(0).max(1), z.number().min(1)])], {
      error: 'expected a number between 0 and 1, or [low, high] with 0 <= low <= 1 <= high',
    })
    .default(0.2)
    .describe('Bounds of the evidence weight: eps for [1 - eps, 1 + eps], or [low, high] with low <= 1 <= high.'),
  negativeOnly: z.boolean().default(false).describe('Reweight only completions that did worse than their group.'),
  spanOnly: z
    .tuple([marker, marker])
    .optional()
    .describe('Reweight only between two markers in the completion, such as ["<think>", "</think>"].'),
  scale: advantageScale,
});

export type RlsdSettings = z.input<typeof settings>;

export const rlsdDefinition = defineMethod({
  name: 'rlsd',
  summary: 'The reward sets the direction; a teacher with privileged context spreads the credit over the tokens.',
  settings,
  statistics: {
    lambda: "Share of the teacher's weighting.",
    clippedWeights: 'Share of tokens whose evidence weight was clipped.',
    teacherStudentDelta: 'Mean teacher minus student log-probability per token.',
  },
  fingerprint: ({ lambda, weightClip, negativeOnly, spanOnly, scale }) =>
    JSON.stringify([lambda, weightClip, negativeOnly, scale, ...(spanOnly ? [spanOnly] : [])]),
  create: ({ lambda, weightClip, negativeOnly, spanOnly, scale }) => {
    const [low, high] = typeof weightClip === 'number' ? [1 - weightClip, 1 + weightClip] : weightClip;
    return {
      teacher: { scores: 'sampled', model: 'self', context: 'privileged' },
      usesUniformGroups: false,
      schedules: (step) => ({ lambda: scheduleAt(lambda, step) }),
      shape(group, step) {
        const { samples } = group;
        const advantages = groupAdvantages(
          samples.map(({ reward }) => reward),
          scale,
        );
        const share = scheduleAt(lambda, step);
        return samples.map((sample, i) => {
          const advantage = memberOf(advantages, i);
          const span = spanOnly && spanOf(group, sample, spanOnly);
          return reweight(sample, advantage, { low, high, lambda: negativeOnly && advantage > 0 ? 0 : share, span });
        });
      },
    };
  },
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

interface Weighting {
  readonly low: number;
  readonly high: number;
  readonly lambda: number;
  /** 1: the teacher may reweight the token. undefined: everywhere. */
  readonly span: Uint8Array | undefined;
}

function reweight(sample: JudgedSample, advantage: number, { low, high, lambda, span }: Weighting): ShapedSample {
  const { teacherLogprobs, studentLogprobs, mask } = sample;
  const tokenAdvantages = new Float64Array(mask.length);
  if (!teacherLogprobs)
    return { advantage, tokenAdvantages, stats: { lambda, clippedWeights: 0, teacherStudentDelta: 0 } };
  const sign = Math.sign(advantage);
  let clipped = 0;
  let sum = 0;
  let tokens = 0;
  for (let t = 0; t < mask.length; t++) {
    if (!mask[t]) continue;
    const delta = Number(teacherLogprobs[t]) - Number(studentLogprobs[t]);
    tokens++;
    if (Number.isFinite(delta)) sum += delta;
    if (sign === 0) continue;
    const weight = Math.exp(sign * delta);
    const bounded = Math.min(Math.max(weight, low), high);
    if (bounded !== weight) clipped++;
    const share = !span || span[t] ? lambda : 0;
    tokenAdvantages[t] = advantage * (1 - share + share * bounded);
  }
  const per = Math.max(tokens, 1);
  return {
    advantage,
    tokenAdvantages,
    stats: { lambda, clippedWeights: clipped / per, teacherStudentDelta: sum / per },
  };
}

function spanOf({ decode }: JudgedGroup, sample: JudgedSample, markers: readonly [string, string]): Uint8Array {
  if (!decode)
    throw new UserError(
      'no-text',
      `sample ${sample.id}: shape.rlsd.spanOnly looks for markers in the text, but the group has no decode function`,
    );
  return spanBetween(sample.completionTokens, decode, markers);
}
