import { z } from 'zod';
import { bindMethod, defineMethod } from './bind.js';
import type { Method, TeacherScores } from './method.js';
import { distillOnly, distillSettings, distillStatistics } from './parts/distill.js';

const settings = z.strictObject(distillSettings({ scores: 'distribution', divergence: 'jensenShannon', k: 'all' }));

export type OpsdSettings = z.input<typeof settings>;

export const opsdDefinition = defineMethod({
  name: 'opsd',
  summary: 'The policy imitates itself as it answers with the privileged context in view; rewards play no part.',
  settings,
  statistics: distillStatistics,
  create: (settings) => distillOnly(settings, { model: 'self', context: 'privileged' }),
});

/**
 * On-policy self-distillation: per-token divergence between the student and the same model with privileged context, on
 * the student's own completions. By default the Jensen-Shannon divergence over the whole vocabulary.
 *
 * @throws {UserError} `bad-settings`; from `shape`: `bad-scores` naming the sample.
 * @see arXiv 2601.18734
 * @example teacherScores$.pipe(shapeAdvantage(opsd({ divergence: 'reverseKl', k: 20 })))
 */
export function opsd(settings: OpsdSettings = {}): Method<TeacherScores> {
  return bindMethod(opsdDefinition, settings);
}
