import { concatMap, mergeMap, of, pipe } from 'rxjs';
import { rollout } from '../../operators/rollout.js';
import type { Prompt, Rollout } from '../../records/records.js';
import { initialAdapter } from '../plan/adapter.js';
import { drawnAndScored, engineOf, engineProblems, modelOptions, teacherFolder } from '../plan/model.js';
import { promptCredit } from '../running/credit.js';
import { rolloutOf, samplingOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import { messagesOf, tasksOf } from '../spec/tasks.js';
import { type CheckContext, defineRecordStage } from './definition.js';
import type { RecordedInputs, Resources } from './resources.js';

export const rolloutStage = defineRecordStage<'prompts', 'rollouts', 'policy' | 'versions'>({
  name: 'rollout',
  summary: 'Samples completions of each prompt from the newest weights.',
  isPartOf: ({ spec }) => spec.rollout !== undefined,
  output: 'rollouts',
  spreads: true,
  tables: () => ['weights'],
  decidedBy: ['rollout'],
  needs: ['policy', 'versions'],
  check: checkRollout,
  build: ({ plan: { spec }, resources, recorded }) => ({
    input: 'prompts',
    output: 'rollouts',
    unit: 'record',
    operator: () => rolloutOperator(spec, resources, { ...recorded, isTrained: spec.learn !== undefined }),
    credit: promptCredit(spec),
    concurrency: promptCredit(spec),
    waiting: resources.versions.waiting,
  }),
});

/** What the engine lacks, and what it finds wrong with the model. */
async function checkRollout({ plan, demand, attempt }: CheckContext): Promise<void> {
  if (plan.components.policy) return;
  // A chat template may refuse a system message; that needs no question of the source.
  const asked = tasksOf(plan.spec).filter(({ prompts }) => prompts !== undefined);
  const conversations = asked.map((task) => messagesOf(task, { question: 'question' }));
  await attempt(() => initialAdapter(plan.spec, plan.folder));
  await attempt(async () => {
    for (const problem of await engineProblems(plan, { samples: { by: 'rollout' } })) demand(false, problem);
    const { sampling, scores } = drawnAndScored(plan);
    const { learn, model } = plan.spec;
    const use = {
      sampling,
      ...(learn && { publishes: model.lora ? ('adapters' as const) : ('weights' as const) }),
      ...(scores !== undefined && teacherFolder(plan) === undefined && { scores }),
    };
    for (const problem of (await (await engineOf(plan)).check?.({ ...modelOptions(plan), conversations, ...use })) ??
      [])
      demand(false, problem);
  });
}

interface RolloutOptions extends Pick<RecordedInputs, 'sampledBy'> {
  /** Whether newer weights come. Default true. */
  readonly isTrained?: boolean;
}

/** The student's side: nothing that contains privileged context comes in here. */
export function rolloutOperator(
  spec: Pick<PipelineSpec, 'rollout' | 'flow' | 'steps'>,
  { policy, versions }: Pick<Resources, 'policy' | 'versions'>,
  { sampledBy, isTrained = true }: RolloutOptions = {},
) {
  const { group } = rolloutOf(spec);
  /** Lockstep up to `maxLag`; without a learner the base is all there is. */
  const least = (step: number) => (isTrained ? step - spec.flow.maxLag : 0);
  const isAfterEnd = ({ step }: Prompt) => isTrained && spec.steps !== undefined && step >= spec.steps;
  /** A prompt that was requeued after the last step waits until the run has more of them. */
  const inTime = mergeMap((prompt: Prompt) =>
    isAfterEnd(prompt) ? versions.published(Number.POSITIVE_INFINITY).then(() => prompt) : of(prompt),
  );
  const sampling = samplingOf(spec);
  const version = (prompt: Prompt) => {
    const before = sampledBy?.(prompt.promptId);
    return before === undefined ? versions.atLeast(least(prompt.step)) : versions.at(before);
  };
  const published = async (sampled: Rollout) => {
    await versions.published(sampled.policyVersion);
    return sampled;
  };
  return pipe(inTime, rollout(policy, { group, sampling, version }), concatMap(published));
}
