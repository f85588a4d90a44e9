import { asksTeacher } from '../methods/method.js';
import type { Plan } from '../pipelines/plan/plan.js';
import { stepsOf } from '../pipelines/spec/sections.js';

/**
 * What a run of this plan will have dropped that a replay would need, a line each. The topics of a run keep everything; retention
 * that a cluster sets otherwise is found by comparing its topics.
 */
export function replayWarnings({ spec, method }: Pick<Plan, 'spec' | 'method'>): string[] {
  const { teach, publish, evaluate } = spec;
  if (!asksTeacher(method)) return [];
  if (spec.learn === undefined) return [];
  const steps = stepsOf(spec);
  const oldest = steps - publish.keep * publish.every;
  const gone: number[] = [];
  for (let version = teach.every; version < oldest; version += teach.every)
    if (version % evaluate.every !== 0) gone.push(version);
  if (gone.length === 0) return [];
  const named = gone.length > 4 ? `${gone.slice(0, 3).join(', ')} … ${gone.at(-1)}` : gone.join(', ');
  return [
    `publish.keep: found ${publish.keep}, which drops the teacher's versions ${named} before the end; a replay that scores again (another template or documents) needs them or --train: expected publish.keep of ${Math.ceil((steps - teach.every) / publish.every)}, or evaluate.every that divides teach.every (${teach.every})`,
  ];
}
