import type { Method } from '../../methods/method.js';
import { targetOf } from '../running/signal.js';
import type { PipelineSpec } from '../spec/spec.js';

/** What a pipeline says that is allowed and cannot work as its author may think, one line each. */
export function planWarnings({ spec, method }: { readonly spec: PipelineSpec; readonly method: Method }): string[] {
  const { rollout, learn } = spec;
  const isAlone = learn !== undefined && rollout?.group === 1;
  if (!isAlone || !targetOf(method, learn.loss).needsAdvantage || method.usesUniformGroups) return [];
  return [
    `rollout.group: found 1; ${method.name} compares a completion with the others of its prompt, so every ` +
      'advantage is 0 and nothing is learned; use at least 2, such as rollout.group: 8',
  ];
}
