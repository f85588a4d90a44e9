import { asksTeacher } from '../methods/method.js';
import type { Plan } from '../pipelines/plan/plan.js';
import { stepsOf } from '../pipelines/spec/sections.js';

/**
 * Notes on weights that a run of this plan deletes although a replay may need them. Topics keep everything by
 * default;
 * `checkTopics` finds a cluster that is configured otherwise.
 */
export function replayNotes({ spec, method }: Pick<Plan, 'spec' | 'method'>): string[] {
  const { teach, publish } = spec;
  if (spec.learn === undefined) return [];
  if (!asksTeacher(method)) return [];
  const steps = stepsOf(spec);
  const oldest = steps - publish.keep * publish.every;
  const count = Math.max(0, Math.ceil(oldest / teach.every) - 1);
  if (count === 0) return [];
  const gone = Array.from({ length: Math.min(count, 4) }, (_, i) => (i + 1) * teach.every);
  const named = count > 4 ? `${gone.slice(0, 3).join(', ')} … ${count * teach.every}` : gone.join(', ');
  return [
    `publish.keep: found ${publish.keep}, which deletes the teacher's versions ${named} before the end; a replay ` +
      'with another template or other documents needs them, or --train; expected publish.keep of at least ' +
      `${Math.ceil((steps - teach.every) / publish.every)} to keep them all`,
  ];
}
