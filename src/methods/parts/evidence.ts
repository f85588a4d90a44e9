import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { memberOf } from '../check-group.js';
import type { JudgedGroup, JudgedSample, ShapedSample } from '../method.js';
import { advantageScale, groupAdvantages } from './advantage.js';
import { overlong, trainedMask } from './overlong.js';
import { scheduleAt, shareSchedule } from './schedule.js';
import { spanBetween } from './span.js';

const marker = z.string().min(1);

/** Settings of the methods that reweight a reward's credit by evidence. */
export const evidenceSettings = {
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
  preserveMass: z
    .boolean()
    .default(false)
    .describe(
      "Divide a completion's weights by their mean, so that the teacher only moves credit between its tokens and " +
        "the total stays the reward's.",
    ),
  overlong,
  scale: advantageScale,
};

type Settings = z.output<z.ZodObject<typeof evidenceSettings>>;

export const evidenceStatistics = {
  lambda: "Share of the teacher's weighting.",
  clippedWeights: 'Share of scored tokens whose evidence weight was clipped.',
  clippedWeightsPositive: 'The same over completions that did better than their group.',
  clippedWeightsNegative: 'The same over completions that did worse than their group.',
  teacherStudentDelta: 'Mean evidence per scored token: a difference of log-probabilities.',
  teacherStudentDeltaPositive: 'The same over completions that did better than their group.',
  teacherStudentDeltaNegative: 'The same over completions that did worse than their group.',
} as const;

/** What the settings hash of these methods is made from. Options that were added later count where they are used. */
export function evidenceFingerprint(settings: Settings, ...more: readonly unknown[]): string {
  const { lambda, weightClip, negativeOnly, spanOnly, scale, preserveMass, overlong } = settings;
  const used = [
    ...(spanOnly ? [spanOnly] : []),
    ...(preserveMass ? ['preserveMass'] : []),
    ...(overlong === 'train' ? [] : ['overlong', overlong]),
    ...more,
  ];
  return JSON.stringify([lambda, weightClip, negativeOnly, scale, ...used]);
}

/** Two scores of the same tokens: their difference is the evidence for a token. null: not scored. */
export interface Evidence {
  readonly supporting: ArrayLike<number>;
  readonly opposing: ArrayLike<number>;
}

/**
 * Spreads each completion's group-relative advantage over its tokens by evidence:
 * `A_t = A [(1 - lambda) + lambda clip(exp(sign(A) (supporting_t - opposing_t)), low, high)]`. A completion without
 * evidence gets uniform credit.
 *
 * @param name of the method, for messages
 * @throws {UserError} `no-text`
 * @see arXiv 2604.03128
 */
export function shapeByEvidence(
  name: string,
  settings: Settings,
  evidenceOf: (sample: JudgedSample) => Evidence | null,
): (group: JudgedGroup, step: number) => ShapedSample[] {
  const { weightClip, spanOnly, negativeOnly } = settings;
  const [low, high] = typeof weightClip === 'number' ? [1 - weightClip, 1 + weightClip] : weightClip;
  return (group, step) => {
    const rewards = group.samples.map(({ reward }) => reward);
    const advantages = groupAdvantages(rewards, settings.scale);
    const lambda = scheduleAt(settings.lambda, step);
    return group.samples.map((sample, i) => {
      const advantage = memberOf(advantages, i);
      const share = negativeOnly && advantage > 0 ? 0 : lambda;
      const evidence = evidenceOf(sample);
      const measured = evidence && evidenceWeights(evidence, sample, { low, high, sign: Math.sign(advantage) });
      const mask = trainedMask(sample, settings.overlong);
      const span = spanOnly && spanOf(name, group, sample, spanOnly);
      const weights = measured?.weights ?? new Float64Array(mask.length).fill(1);
      const shared = Uint8Array.from(mask, (trains, t) => (trains && (!span || span[t]) ? 1 : 0));
      if (settings.preserveMass) divideByMean(weights, shared);
      const tokenAdvantages = new Float64Array(mask.length);
      for (const [t, weight] of weights.entries()) {
        const applied = shared[t] ? share : 0;
        if (mask[t] && advantage !== 0) tokenAdvantages[t] = advantage * (1 - applied + applied * weight);
      }
      return { advantage, tokenAdvantages, stats: { lambda: share, ...measured?.stats } };
    });
  };
}

interface Bounds {
  readonly low: number;
  readonly high: number;
  /** Sign of the completion's advantage. */
  readonly sign: number;
}

/** The clipped weight of every token, and the completion's statistics. */
function evidenceWeights(
  { supporting, opposing }: Evidence,
  { mask }: JudgedSample,
  { low, high, sign }: Bounds,
): { readonly weights: Float64Array; readonly stats: Readonly<Record<string, number>> } {
  const weights = new Float64Array(mask.length).fill(1);
  let [clipped, sum, tokens] = [0, 0, 0];
  for (let t = 0; t < mask.length; t++) {
    if (!mask[t]) continue;
    tokens++;
    const delta = difference(Number(supporting[t]), Number(opposing[t]));
    if (Number.isFinite(delta)) sum += delta;
    if (sign === 0) continue;
    const weight = Math.exp(sign * delta);
    const bounded = Math.min(Math.max(weight, low), high);
    if (bounded !== weight) clipped++;
    weights[t] = bounded;
  }
  if (tokens === 0) return { weights, stats: {} };
  const [clippedWeights, teacherStudentDelta] = [clipped / tokens, sum / tokens];
  const stats = { clippedWeights, teacherStudentDelta };
  if (sign === 0) return { weights, stats };
  const side = sign > 0 ? 'Positive' : 'Negative';
  const bySign = { [`clippedWeights${side}`]: clippedWeights, [`teacherStudentDelta${side}`]: teacherStudentDelta };
  return { weights, stats: { ...stats, ...bySign } };
}

/** Two contexts that both rule a token out say nothing about it. */
export const difference = (supporting: number, opposing: number): number =>
  supporting === opposing ? 0 : supporting - opposing;

/** Divides by the mean over the marked tokens; weights that are all 0 become 1, since they tell no tokens apart. */
function divideByMean(weights: Float64Array, marked: Uint8Array): void {
  const total = weights.reduce((sum, weight, t) => sum + (marked[t] ? weight : 0), 0);
  const mean = total / marked.reduce((sum, mark) => sum + mark, 0);
  for (const [t, weight] of weights.entries()) if (marked[t]) weights[t] = mean > 0 ? weight / mean : 1;
}

function spanOf(
  name: string,
  { decode }: JudgedGroup,
  sample: JudgedSample,
  markers: readonly [string, string],
): Uint8Array {
  if (!decode)
    throw new UserError(
      'no-text',
      `sample ${sample.id}: shape.${name}.spanOnly looks for markers in the text, but the group has no decode function`,
    );
  return spanBetween(sample.completionTokens, decode, markers);
}
