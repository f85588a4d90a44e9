import { z } from 'zod';
import type { DistillationTargets } from '../records/distillation.js';
import type { Verdict } from '../records/records.js';
import { bindMethod, defineMethod } from './bind.js';
import type { JudgedSample, Method, ShapedSample, SiblingContext, TeacherScores } from './method.js';
import {
  distillLoss,
  distillScores,
  distillSettings,
  distillStatistics,
  fullDistillation,
  sampledDistillation,
} from './parts/distill.js';
import { nextSibling } from './parts/siblings.js';

const settings = z.strictObject({
  ...distillSettings({ scores: 'distribution', divergence: 'jensenShannon', k: 20 }),
  success: z.number().default(1).describe('Reward from which a completion counts as a success.'),
  feedback: z
    .boolean()
    .default(true)
    .describe("Show the teacher the verifier's reason for a completion that is no success."),
});

export type SdpoSettings = z.input<typeof settings>;

export const sdpoDefinition = defineMethod({
  name: 'sdpo',
  summary: "The policy imitates itself as it answers with a successful sibling and the verifier's feedback in view.",
  settings,
  statistics: { ...distillStatistics, taught: 'Share of completions with a successful sibling or feedback.' },
  create: (settings) => {
    const { scores, k } = settings;
    return {
      teacher: { ...distillScores(settings), model: 'self', context: 'siblings' },
      usesUniformGroups: true,
      ...(scores === 'distribution' && { loss: distillLoss(settings) }),
      siblingContext: (group, sample) => hindsight(group, sample, settings),
      shape: ({ samples }) =>
        samples.map((sample) => (scores === 'sampled' ? sampledSample(sample) : distilledSample(sample, k))),
    };
  },
});

/**
 * Self-distillation policy optimization: the teacher is the policy with hindsight, that is with a successful completion
 * of the same group and the verifier's feedback on the student's own in its prompt. A completion with neither is not
 * trained on.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2601.20802
 * @example teacherScores$.pipe(shapeAdvantage(sdpo({ feedback: false })))
 */
export function sdpo(settings: SdpoSettings = {}): Method<TeacherScores> {
  return bindMethod(sdpoDefinition, settings);
}

function hindsight(
  group: readonly Verdict[],
  sample: Verdict,
  { success, feedback }: Pick<z.output<typeof settings>, 'success' | 'feedback'>,
): SiblingContext | null {
  const succeeded = ({ reward }: Verdict) => reward >= success;
  const sibling = nextSibling(group, sample, succeeded);
  const parts = [
    ...(sibling ? [`A correct solution:\n${sibling.completion}`] : []),
    ...(feedback && !succeeded(sample) && sample.reason !== ''
      ? [`What is wrong with an attempt: ${sample.reason}`]
      : []),
  ];
  return parts.length > 0 ? { text: parts.join('\n\n') } : null;
}

function sampledSample(sample: JudgedSample): ShapedSample {
  const shaped = sampledDistillation(sample);
  return { ...shaped, stats: { ...shaped.stats, taught: sample.teacherLogprobs ? 1 : 0 } };
}

function distilledSample(sample: JudgedSample, k: number | 'all'): ShapedSample {
  const { teacherTop, mask } = sample;
  if (teacherTop) return { ...fullDistillation(sample), stats: { taught: 1 } };
  return {
    advantage: 0,
    tokenAdvantages: new Float64Array(mask.length),
    tokenWeights: new Float32Array(mask.length),
    distillation: emptyTargets(mask.length, k === 'all' ? 1 : k),
    stats: { taught: 0 },
  };
}

/** Targets of a completion without a teacher. The loss reads them, and its weights are 0. */
function emptyTargets(tokens: number, k: number): DistillationTargets {
  return {
    k,
    topIds: Int32Array.from({ length: tokens * k }, (_, i) => i % k),
    topLogprobs: new Float32Array(tokens * k).fill(-Math.log(k)),
    tailLogprobs: new Float32Array(tokens).fill(Number.NEGATIVE_INFINITY),
  };
}
