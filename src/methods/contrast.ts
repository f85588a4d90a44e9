import { z } from 'zod';
import { bindMethod, defineMethod } from './bind.js';
import { memberOf } from './check-group.js';
import type { JudgedGroup, JudgedSample, Method, ShapedSample, TeacherScores } from './method.js';
import { advantageScale, groupAdvantages } from './parts/advantage.js';
import { difference } from './parts/evidence.js';
import { overlong, trainedMask } from './parts/overlong.js';

const settings = z.strictObject({
  floor: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Share of the credit that a token gets about which the context says nothing, or the opposite.'),
  saturation: z
    .number()
    .positive()
    .max(100)
    .default(2)
    .describe("Contrast in nats from which a token gets its completion's whole credit."),
  scale: advantageScale,
  overlong,
});

export type ContrastSettings = z.input<typeof settings>;

export const contrastDefinition = defineMethod({
  name: 'contrast',
  summary: "The reward sets the direction; credit goes to the tokens about which this prompt's context says so.",
  settings,
  statistics: {
    meanWeight: 'Mean weight of the scored tokens, from `floor` to 1.',
    meanWeightPositive: 'The same over completions that did better than their group.',
    meanWeightNegative: 'The same over completions that did worse than their group.',
    silenced: 'Share of scored tokens at the floor, or within a hundredth of it.',
  },
  create: (settings) => ({
    teacher: { scores: 'sampled', model: 'self', context: 'privileged', contrast: 'shuffled' },
    usesUniformGroups: false,
    keepsSign: true,
    shape: (group) => shapeByContrast(group, settings),
  }),
});

/**
 * Credit where the context speaks: `A_t = A [floor + (1 - floor) min(max(sign(A) c_t, 0), saturation) / saturation]`,
 * where `c_t = log p_T(y_t | own context) - log p_T(y_t | another prompt's context)`.
 *
 * RLSD's weight `exp(sign(A) (log p_T - log p_S))` stays at 1 for a right token of which the student is nearly sure
 * already, and for words that no context decides, so it cannot tell them apart. Two contexts can: they agree on the
 * words, whose contrast is 0, and differ on what this prompt decides, however sure the student is. In a good completion
 * credit goes to what the own context supports; in a bad one blame goes to what it speaks against, and not to right
 * steps. A weight is never above 1, so no token gets more than the completion's advantage.
 *
 * Costs a second teacher pass. Where no other prompt has a context, credit is uniform.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @example teacherScores$.pipe(shapeAdvantage(contrast({ floor: 0.1, saturation: 2 })))
 */
export function contrast(settings: ContrastSettings = {}): Method<TeacherScores> {
  return bindMethod(contrastDefinition, settings);
}

type Settings = z.output<typeof settings>;

function shapeByContrast({ samples }: JudgedGroup, settings: Settings): ShapedSample[] {
  const advantages = groupAdvantages(
    samples.map(({ reward }) => reward),
    settings.scale,
  );
  return samples.map((sample, i) => {
    const advantage = memberOf(advantages, i);
    const mask = trainedMask(sample, settings.overlong);
    const weights = advantage === 0 ? null : contrastWeights(sample, Math.sign(advantage), settings);
    const tokenAdvantages = Float64Array.from(mask, (trains, t) =>
      trains && advantage !== 0 ? advantage * (weights ? Number(weights[t]) : 1) : 0,
    );
    return { advantage, tokenAdvantages, stats: weights ? statistics(weights, sample, advantage, settings) : {} };
  });
}

/** null without scores under another context. */
function contrastWeights(
  { teacherLogprobs, contrastLogprobs, mask }: JudgedSample,
  sign: number,
  { floor, saturation }: Settings,
): Float64Array | null {
  if (!teacherLogprobs || !contrastLogprobs) return null;
  return Float64Array.from(mask, (_, t) => {
    const support = sign * difference(Number(teacherLogprobs[t]), Number(contrastLogprobs[t]));
    return floor + ((1 - floor) * Math.min(Math.max(support, 0), saturation)) / saturation;
  });
}

function statistics(
  weights: Float64Array,
  { mask }: JudgedSample,
  advantage: number,
  { floor }: Settings,
): Record<string, number> {
  const scored = weights.filter((_, t) => mask[t]);
  if (scored.length === 0) return {};
  const meanWeight = scored.reduce((sum, weight) => sum + weight, 0) / scored.length;
  const silenced = scored.filter((weight) => weight <= floor + 0.01).length / scored.length;
  return { meanWeight, [`meanWeight${advantage > 0 ? 'Positive' : 'Negative'}`]: meanWeight, silenced };
}
