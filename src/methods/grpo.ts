import { z } from 'zod';
import { advantageScale, groupAdvantages } from './advantage.js';
import { bindMethod, defineMethod } from './bind.js';
import { memberOf } from './check-group.js';
import type { Method, NoTeacher } from './method.js';

const settings = z.strictObject({ scale: advantageScale });

export type GrpoSettings = z.input<typeof settings>;

export const grpoDefinition = defineMethod({
  name: 'grpo',
  summary: "Every token gets its completion's group-relative advantage.",
  settings,
  statistics: {},
  fingerprint: ({ scale }) => scale,
  create: ({ scale }) => ({
    teacher: { scores: 'none' },
    usesUniformGroups: false,
    shape({ samples }) {
      const advantages = groupAdvantages(
        samples.map(({ reward }) => reward),
        scale,
      );
      return samples.map(({ mask }, i) => {
        const advantage = memberOf(advantages, i);
        const tokenAdvantages = Float64Array.from(mask, (trains) => (trains ? advantage : 0));
        return { advantage, tokenAdvantages, stats: {} };
      });
    },
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
