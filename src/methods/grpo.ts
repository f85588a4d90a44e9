import { z } from 'zod';
import { bindMethod, defineMethod } from './bind.js';
import { memberOf } from './check-group.js';
import type { JudgedGroup, Method, NoTeacher, ShapedSample } from './method.js';
import { advantageScale, groupAdvantages } from './parts/advantage.js';
import { overlong, trainedMask } from './parts/overlong.js';

const settings = z.strictObject({ scale: advantageScale, overlong });

export type GrpoSettings = z.input<typeof settings>;

export const grpoDefinition = defineMethod({
  name: 'grpo',
  summary: "Every token gets its completion's group-relative advantage.",
  settings,
  statistics: {},
  fingerprint: ({ scale, overlong }) => (overlong === 'train' ? scale : `${scale}, overlong ${overlong}`),
  create: (settings) => ({
    teacher: { scores: 'none' },
    usesUniformGroups: false,
    keepsSign: true,
    shape: (group) => uniformCredit(group, settings),
  }),
});

/**
 * Uniform credit: every token gets its completion's group-relative advantage.
 * @throws {UserError} `bad-settings`
 * @see arXiv 2402.03300
 * @example verdicts$.pipe(shapeAdvantage(grpo({ scale: 'center' })))
 */
export function grpo(settings: GrpoSettings = {}): Method<NoTeacher> {
  return bindMethod(grpoDefinition, settings);
}

/** Each completion's advantage on all of its trained tokens. */
export function uniformCredit(
  { samples }: JudgedGroup,
  { scale, overlong: long }: z.output<typeof settings>,
): ShapedSample[] {
  const rewards = samples.map(({ reward }) => reward);
  const advantages = groupAdvantages(rewards, scale);
  return samples.map((sample, i) => {
    const advantage = memberOf(advantages, i);
    const mask = trainedMask(sample, long);
    return { advantage, tokenAdvantages: Float64Array.from(mask, (trains) => (trains ? advantage : 0)), stats: {} };
  });
}
