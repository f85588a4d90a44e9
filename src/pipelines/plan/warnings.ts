import type { Method } from '../../methods/method.js';
import { targetOf } from '../running/signal.js';
import { roundsOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';

/** What a pipeline says that is allowed and cannot work as its author may think, one line each. */
export function planWarnings(subject: { readonly spec: PipelineSpec; readonly method: Method }): string[] {
  const { spec, method } = subject;
  const { rollout, learn } = spec;
  if (learn === undefined) return [];
  const compares = targetOf(method, learn.loss).needsAdvantage && !method.usesUniformGroups;
  const isAlone = compares && rollout?.group === 1;
  const alone =
    `rollout.group: found 1; ${method.name} compares a completion with the others of its prompt, so every ` +
    'advantage is 0 and nothing is learned; use at least 2, such as rollout.group: 8';
  const replaced =
    `rollout.rounds: found ${roundsOf(spec)}; ${method.name} also learns from prompts whose completions are all ` +
    'rewarded alike, which these rounds replace; leave it out';
  return [...(isAlone ? [alone] : []), ...(!compares && roundsOf(spec) > 1 ? [replaced] : [])];
}
