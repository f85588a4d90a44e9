import { z } from 'zod';
import { bindMethod, defineMethod } from './bind.js';
import type { Method, TeacherScores } from './method.js';
import { distillOnly, distillSettings, distillStatistics } from './parts/distill.js';

const settings = z.strictObject(distillSettings({ scores: 'sampled', divergence: 'reverseKl', k: 20 }));

export type OpdSettings = z.input<typeof settings>;

export const opdDefinition = defineMethod({
  name: 'opd',
  summary: 'The policy imitates another model of the same vocabulary on its own completions; rewards play no part.',
  settings,
  statistics: distillStatistics,
  create: (settings) => distillOnly(settings, { model: 'separate', context: 'none' }),
});

/**
 * On-policy distillation: reverse KL to a separate teacher, which sees the student's own prompt, on the student's own
 * completions. By default estimated from the sampled tokens.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2306.13649 (generalized knowledge distillation)
 * @example teacherScores$.pipe(shapeAdvantage(opd()))
 */
export function opd(settings: OpdSettings = {}): Method<TeacherScores> {
  return bindMethod(opdDefinition, settings);
}
