import type { Method } from '../../methods/method.js';
import type { TopicStore } from '../../topics/store.js';
import { targetOf } from '../running/signal.js';
import { roundsOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import { tasksOf } from '../spec/tasks.js';

/** What the warnings look at. */
interface Planned {
  readonly spec: PipelineSpec;
  readonly method: Method;
  readonly store: TopicStore;
}

/** What a pipeline says that is allowed and cannot work as its author may think, one line each. */
export const planWarnings = (planned: Planned): string[] => [...signalWarnings(planned), ...topicWarnings(planned)];

function signalWarnings({ spec, method }: Planned): string[] {
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

/** Topics of prompts that nobody can write while the run has the log. */
function topicWarnings({ spec, store }: Planned): string[] {
  if (store.traits.multiProcess) return [];
  return tasksOf(spec).flatMap(({ name, prompts }) => {
    if (!prompts || !('topic' in prompts)) return [];
    const field = name === '' ? 'prompts.topic' : `tasks.${name}.prompts.topic`;
    return [
      `${field}: found ${prompts.topic} among ${store.name} topics, which only one process can write: other systems ` +
        'cannot add prompts during the run; use topics.kafka',
    ];
  });
}
