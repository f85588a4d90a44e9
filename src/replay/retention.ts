import { asksTeacher } from '../methods/method.js';
import type { Plan } from '../pipelines/plan/plan.js';
import { stepsOf } from '../pipelines/spec/sections.js';

/**
 * Warnings about weights that a run of this plan deletes although a replay may need them. Topics keep everything by
 * default;
 * `checkTopics` finds a cluster that is configured otherwise.
 */
export function replayWarnings({ spec, method }: Pick<Plan, 'spec' | 'method'>): string[] {
  const { teach, publish, evaluate } = spec;
  if (spec.learn === undefined) return [];
  if (!asksTeacher(method)) return [];
  const steps = stepsOf(spec);
  const oldest = steps - publish.keep * publish.every;
  const gone: number[] = [];
  for (let version = teach.every; version < oldest; version += teach.every)
    if (version % evaluate.every !== 0) gone.push(version);
  if (gone.length === 0) return [];
  const named = gone.length > 4 ? `${gone.slice(0, 3).join(', ')} … ${gone.at(-1)}` : gone.join(', ');
  return [
    `publish.keep: found ${publish.keep}, which deletes the teacher's versions ${named} before the end; a replay with another template or other documents needs them, or --train; expected publish.keep of at least ${Math.ceil((steps - teach.every) / publish.every)}, or an evaluate.every that divides teach.every (${teach.every})`,
  ];
}
