import type { RunningStage, StageStats } from '../../runtime/stage.js';
import { openSource } from '../../sources/prompts.js';
import { checkContext, contextOf, watchContext } from '../running/context.js';
import { ingest } from '../running/ingest.js';
import { defineStage, type StageContext } from './definition.js';

export const ingestStage = defineStage<'source' | 'context' | 'versions'>({
  name: 'ingest',
  summary: 'Writes prompts, their references and the privileged documents, a few steps ahead of training.',
  isPartOf: ({ spec }) => spec.rollout !== undefined,
  output: 'prompts',
  spreads: true,
  // What was forgotten is not written again.
  continuesFrom: ['privileged'],
  otherTopics: ({ spec }) => [
    { name: 'source' },
    { name: 'references', compact: true },
    { name: 'privileged', compact: true },
    ...contextOf(spec).sources.flatMap((source) => ('topic' in source ? [{ name: source.topic, external: true }] : [])),
  ],
  decidedBy: ['pipeline', 'seed', 'steps', 'prompts', 'model.base', 'learn.prompts'],
  needs: ['source', 'context', 'versions'],
  async check({ plan: { spec, folder }, prompts, documents, demand, attempt }) {
    if (documents) for (const problem of await checkContext(spec, folder)) demand(false, problem);
    if (prompts) await attempt(() => openSource(spec, folder));
    demand(
      spec.learn !== undefined || 'file' in spec.prompts || spec.prompts.limit !== undefined,
      'prompts.limit: is missing; a generator never ends: expected the number of prompts to judge',
    );
    demand(
      spec.learn === undefined || spec.prompts.limit === undefined,
      'prompts.limit: does not go with learn, whose steps say how many prompts there are; expected one or the other',
    );
  },
  start: startIngest,
});

/** Starts writing prompts, or stands by while another process does. */
async function startIngest({
  plan: { spec, store },
  stage,
  environment,
  resources: { source, context, versions },
}: StageContext<'source' | 'context' | 'versions'>): Promise<RunningStage> {
  const consumer = await environment.log.consumer(stage.name, [stage.input]);
  const abort = new AbortController();
  const aborted = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
  const published = (version: number) => Promise.race([versions.published(version), aborted]);
  const ended = ingest(
    source,
    consumer,
    { ...environment, spec, store, table: context.table, published },
    abort.signal,
  );
  const stats = runningStats();
  const over = () => Object.assign(stats, { running: 0, waiting: true });
  ended.then(over, over);
  const { watch } = contextOf(spec);
  const watching = watch === undefined ? undefined : watchContext(context, watch);
  return {
    name: stage.name,
    ended: Promise.all([ended, watching?.ended]).then(() => {}),
    stats,
    async stop() {
      abort.abort();
      await watching?.stop();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}

const runningStats = (): StageStats => ({
  records: 0,
  outputs: 0,
  deadLetters: 0,
  retries: 0,
  inFlight: 0,
  running: 1,
  waiting: false,
  committing: false,
  seconds: 0,
});
