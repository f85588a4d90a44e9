import type { RunningStage } from '../../runtime/stage.js';
import { type Feedback, feedbackOf, hasFeedback, noFeedback } from '../feeds/feedback.js';
import { stepsAheadAnywhere } from '../feeds/ingest.js';
import { followJudgements } from '../feeds/judgements.js';
import { promptFeed } from '../feeds/prompts.js';
import { openSources } from '../feeds/sources.js';
import { startFeed } from '../feeds/start-feed.js';
import { checkContext, contextOf, watchContext } from '../running/context.js';
import type { PipelineSpec } from '../spec/spec.js';
import { type Task, tasksOf } from '../spec/tasks.js';
import { type CheckContext, defineStage, type StageContext } from './definition.js';

export const ingestStage = defineStage<'source' | 'context' | 'versions'>({
  name: 'ingest',
  summary: 'Writes prompts, their references and the privileged documents, a few steps ahead of training.',
  isPartOf: ({ spec }) => spec.rollout !== undefined,
  output: 'prompts',
  spreads: true,
  tables: ({ spec }) => (hasFeedback(spec) ? ['verdicts'] : []),
  // What was forgotten is not written again.
  continuesFrom: ['privileged'],
  otherTopics: ({ spec }) => [
    { name: 'source' },
    { name: 'references', compact: true },
    { name: 'privileged', compact: true },
    ...[...contextOf(spec).sources, ...tasksOf(spec).flatMap(({ prompts }) => prompts ?? [])].flatMap((source) =>
      'topic' in source ? [{ name: source.topic, external: true }] : [],
    ),
  ],
  decidedBy: ['pipeline', 'seed', 'steps', 'prompts', 'tasks', 'model.base', 'learn.prompts', 'rollout.rounds'],
  needs: ['source', 'context', 'versions'],
  async check({ plan: { spec, folder }, prompts, documents, demand, attempt }) {
    if (documents) for (const problem of await checkContext(spec, folder)) demand(false, problem);
    if (prompts) await attempt(() => openSources(spec, folder));
    for (const task of tasksOf(spec)) checkLimits(spec, task, demand);
    demand(
      spec.learn !== undefined || spec.rollout?.rounds === undefined,
      'rollout.rounds: needs learn, whose steps they fill; expected it left out',
    );
  },
  start: startIngest,
});

/** Starts writing prompts, or stands by while another process does. */
async function startIngest(context: StageContext<'source' | 'context' | 'versions'>): Promise<RunningStage> {
  const { plan, stage, environment, resources } = context;
  const { spec } = plan;
  const { source, context: documents } = resources;
  const feedback = openFeedback(context);
  const { accepts } = feedback;
  const feed = promptFeed(source.tasks, { ...environment, name: stage.name, spec, table: documents.table, accepts });
  const running = await startFeed(context, feed, feedback);
  const { watch } = contextOf(spec);
  if (watch === undefined) return running;
  const watching = watchContext(documents, watch);
  return {
    ...running,
    ended: Promise.all([running.ended, watching.ended]).then(() => {}),
    async stop() {
      await Promise.all([watching.stop(), running.stop()]);
    },
  };
}

function openFeedback({ plan, stage, environment: { log, now } }: StageContext<never>): Feedback {
  const [verdicts] = stage.tables;
  if (verdicts === undefined) return noFeedback(plan.spec);
  return feedbackOf(plan.spec, followJudgements(log, verdicts, now), stepsAheadAnywhere(plan.spec));
}

/** Without a learner there is an end: a file's, or a limit. */
function checkLimits({ learn }: PipelineSpec, { name, prompts }: Task, demand: CheckContext['demand']): void {
  if (!prompts) return;
  const section = name === '' ? 'prompts' : `tasks.${name}.prompts`;
  demand(
    learn !== undefined || 'file' in prompts || prompts.limit !== undefined,
    `${section}.limit: is missing; ${'topic' in prompts ? 'a topic' : 'a generator'} never ends: expected the number of ` +
      'prompts to judge',
  );
  demand(
    learn !== undefined || !('curriculum' in prompts) || prompts.curriculum === undefined,
    `${section}.curriculum: needs learn: without it every prompt is asked once; expected it left out`,
  );
  demand(
    learn === undefined || prompts.limit === undefined,
    `${section}.limit: does not go with learn, whose steps say how many prompts there are; expected one or the other`,
  );
}
