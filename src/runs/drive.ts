import { type ContextEnvironment, contextOf, watchContext } from '../pipelines/context.js';
import { flowOrder, type Plan } from '../pipelines/plan.js';
import { type Resources, stagesOf } from '../pipelines/stages.js';
import type { StageEnvironment } from '../runtime/stage.js';
import { startStage } from '../runtime/start-stage.js';
import type { PromptSource } from '../sources/prompts.js';
import { UserError } from '../support/errors.js';
import type { TopicLog } from '../topics/log.js';
import { drained } from './lag.js';
import type { Manifest } from './manifest/manifest.js';
import type { Observer } from './observe.js';
import { type Running, startIngest } from './start-ingest.js';

/** What to close, the last opened first. */
export type Closers = (() => Promise<unknown>)[];

/** A run whose folder, topics and models are open. */
export interface OpenRun {
  readonly manifest: Manifest;
  readonly resumed: boolean;
  readonly log: TopicLog;
  readonly source: PromptSource;
  readonly resources: Resources;
  readonly environment: StageEnvironment;
  /** In a process that reads privileged context. */
  readonly context: ContextEnvironment | undefined;
  /** Topics that this process may read. */
  readonly reads: ReadonlySet<string>;
  readonly observer: Observer;
}

/** How a replay goes, where that is another way than a run's. */
export interface Course {
  /** Ends after this version; null: once its stages, in the order of the flow, have read all of their topics. */
  readonly until: number | null;
  /** Puts records into the topics while the stages run, no further ahead of the weights than partitions in no order of steps allow. */
  readonly feed?: (log: TopicLog, published: Resources['versions']['published']) => Promise<void>;
}

/** Starts the stages and waits for the last step, or for what ends the run before. */
export async function drive(
  plan: Plan,
  run: OpenRun,
  wanted: readonly string[],
  closing: Closers,
  course: Course | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const running: Running[] = [];
  const until = course?.until;
  const again = run.manifest.parent ? 'do the replay again into a new folder' : '`rlsd resume` goes on from here';
  const { log, resources } = run;
  if (run.context && wanted.includes('ingest')) {
    const environment = { ...run.environment, table: run.context.table };
    running.push(await startIngest(plan.spec, run.source, resources.versions, environment));
    const { watch } = contextOf(plan.spec);
    if (watch !== undefined) running.push(watchContext(run.context, watch));
  }
  for (const [name, stage] of stagesOf(plan, resources))
    if (wanted.includes(name)) {
      const started = await startStage(stage as Parameters<typeof startStage>[0], run.environment);
      run.observer.watch(started);
      running.push(started);
    }
  closing.push(() => Promise.all(running.map((stage) => stage.stop())));
  const fed = course?.feed?.(log, resources.versions.published) ?? Promise.resolve();
  const failed = Promise.race([fed, ...running.map(({ ended }) => ended)].map((ended) => ended.then(never)));
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new UserError('stopped', `stopped; ${again}`));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
  const finished = async () => {
    const look = plan.spec.topics === 'embedded' ? 20 : 250;
    if (until === null) {
      for (const { name, input } of flowOrder(plan)) if (wanted.includes(name)) await drained(log, name, input, look);
      return;
    }
    const part = until === undefined && plan.stages.some(({ name }) => !wanted.includes(name));
    // Nobody else can write to embedded topics meanwhile, so some of the stages go on only as far as what is there lets them.
    if (part && plan.spec.topics === 'embedded') return idle(running, resources.versions);
    await resources.versions.published(until ?? plan.spec.steps);
    if (wanted.includes('evaluate')) await drained(log, 'evaluate', 'weights', look);
  };
  await Promise.race([finished(), failed.catch((cause) => runFailed(cause, again)), stopped]);
}

/** What ends a run that had begun well is no mistake in the request; nothing that was committed is lost. */
function runFailed(cause: unknown, again: string): never {
  const { message } = cause as Error;
  throw Object.assign(new UserError('run-failed', `${message}\nthe run stopped; ${again}`), {
    cause,
  });
}

const never = (): Promise<never> => new Promise(() => {});

/** Resolves once every stage has done all it can: what is in work waits for weights that nobody here makes. */
async function idle(stages: readonly Running[], versions: Resources['versions']): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const working = stages.reduce((sum, { stats }) => sum + stats.running, 0);
    if (working !== versions.waiting() || stages.some(({ stats }) => stats.committing)) continue;
    if (stages.every(({ stats }) => stats.waiting || stats.running > 0)) return;
  }
}
