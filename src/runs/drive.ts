import { relative } from 'node:path';
import { isIngested } from '../pipelines/feeds/token.js';
import { flowOrder, type Plan, stagesWith } from '../pipelines/plan/plan.js';
import { MAIN_LEARNER, ofLearner } from '../pipelines/spec/learners.js';
import { stepsOf } from '../pipelines/spec/sections.js';
import type { RunningStage } from '../runtime/stage.js';
import { UserError } from '../support/errors.js';
import { get } from '../support/required.js';
import type { TopicLog } from '../topics/log.js';
import { drained } from './inspect/lag.js';
import type { OpenLearner, OpenRun } from './open/opening.js';
import type { RunGoal } from './options.js';
import { LOOK_MS, stallWatch, waitsOf } from './stall.js';

/** Starts the stages and waits for the last step, or for what ends the run before. */
export async function drive(run: OpenRun, goal: RunGoal | undefined, signal: AbortSignal | undefined): Promise<void> {
  const { log } = run;
  const { versions } = get(run.learners, MAIN_LEARNER);
  const again = continuationOf(run);
  const running = await startStages(run);
  const unwatch = watchStalls(run, running);
  const fed = goal?.feed?.(log, versions.published) ?? Promise.resolve();
  const failed = Promise.race([fed, ...running.map(({ ended }) => ended)].map((ended) => ended.then(never)));
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new UserError('stopped', `stopped; ${again}`));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([reached(run, goal, running), failed.catch((cause) => runFailed(cause, again)), stopped]);
  unwatch();
}

/** Says what the run waits for, whenever it stops moving. @returns the end of it */
function watchStalls(run: OpenRun, running: readonly RunningStage[]): () => void {
  const { stages, learners, observer, disposers, onEvent, environment } = run;
  const { spec } = run.plan;
  const waits = () => {
    const idleSince = environment.now() - (performance.now() - observer.lastProgress());
    const pending = stages.map(({ name, input }, i) => ({ name, input, pending: running[i]?.pending() ?? [] }));
    const versions = [...learners].map(([learner, { versions }]) => ({
      learner: ofLearner('weights', learner),
      // This function's caller waits for the last one.
      awaited: versions.awaited().filter((version) => version < (spec.steps ?? Number.POSITIVE_INFINITY)),
    }));
    return waitsOf(pending, versions, idleSince);
  };
  const look = stallWatch({
    now: () => performance.now(),
    lastProgress: observer.lastProgress,
    waits,
    onStall(stall) {
      observer.stalled(stall);
      onEvent({ event: 'stalled', ...stall });
    },
    onMoving(seconds) {
      observer.moving(seconds);
      onEvent({ event: 'moving', seconds });
    },
  });
  const timer = setInterval(look, LOOK_MS).unref();
  const unwatch = () => clearInterval(timer);
  disposers.add(unwatch);
  return unwatch;
}

/** What the user does next, after a run has stopped before its end. */
function continuationOf({ manifest, plan, folder, stages }: OpenRun): string {
  if (manifest.parent) return 'do the replay again into a new folder';
  const place = relative('', folder) || folder;
  return isPartial(plan, { stages })
    ? `the same command with \`--run ${place}\` continues from here`
    : `\`rlsd resume ${place}\` continues from here`;
}

async function startStages(run: OpenRun): Promise<RunningStage[]> {
  const { environment, eventsOf, recordedInputs, observer, disposers } = run;
  const running: RunningStage[] = [];
  disposers.add(() => Promise.all(running.map((stage) => stage.stop())));
  for (const stage of run.stages) {
    const { plan, resources } = get(run.learners, stage.learner);
    const context = { plan, stage, environment, events: eventsOf(stage), recorded: recordedInputs, resources };
    const started = await stage.definition.start(context);
    observer.watch(started);
    running.push(started);
  }
  return running;
}

/** Resolves when the run is where it was to go. */
async function reached(run: OpenRun, goal: RunGoal | undefined, running: readonly RunningStage[]): Promise<void> {
  const { plan, log, learners, stages } = run;
  const partial = goal === undefined && isPartial(plan, run);
  // We are the only writer, so a partial run ends once its input is drained.
  if (partial && !plan.store.traits.multiProcess) return idle(running, [...learners.values()]);
  const trained = stagesWith(plan, 'trainer').length > 0;
  if (goal?.until === null || (goal === undefined && !trained)) return exhausted(run, goal);
  for (const { versions } of learners.values()) await versions.published(goal?.until ?? stepsOf(plan.spec));
  // What reads the weights besides the rollout measures them: the last measurement belongs to the run.
  for (const { name, input, inputType } of stages)
    if (inputType === 'weights') await drained(log, name, input, pollMsOf(plan));
}

/**
 * Resolves once the stages have read all there is: after those before them, which in a run may be in other processes.
 */
async function exhausted({ plan, log, stages }: OpenRun, goal: RunGoal | undefined): Promise<void> {
  const flow = flowOrder(plan);
  const last = flow.findLastIndex((stage) => stages.includes(stage));
  const before = goal === undefined ? flow.slice(0, last + 1) : flow.filter((stage) => stages.includes(stage));
  const feeders = goal === undefined ? plan.stages : stages;
  const pollMs = pollMsOf(plan);
  if (feeders.some(({ input }) => input === 'source')) await ingested(log, pollMs);
  for (const { name, input } of before) await drained(log, name, input, pollMs);
  for (const { name, input, inputType } of stages) if (inputType === 'weights') await drained(log, name, input, pollMs);
}

const pollMsOf = ({ store }: Plan): number => (store.traits.location === 'folder' ? 20 : 250);

async function ingested(log: TopicLog, pollMs: number): Promise<void> {
  while (!(await isIngested(log))) await new Promise((resolve) => setTimeout(resolve, pollMs));
}

const isPartial = (plan: Plan, { stages }: Pick<OpenRun, 'stages'>): boolean =>
  plan.stages.some((stage) => !stages.includes(stage));

/** What ends a run after it began is no mistake in the request; nothing that was committed is lost. */
function runFailed(cause: unknown, again: string): never {
  const message = cause instanceof Error ? cause.message : String(cause);
  throw Object.assign(new UserError('run-failed', `${message}\nthe run stopped; ${again}`), { cause });
}

const never = (): Promise<never> => new Promise(() => {});

/** Resolves once every stage has done all it can: what is in work waits for weights that nobody here makes. */
async function idle(stages: readonly RunningStage[], learners: readonly OpenLearner[]): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const working = stages.reduce((sum, { stats }) => sum + stats.running, 0);
    const waiting = learners.reduce((sum, { versions }) => sum + versions.waiting(), 0);
    if (working !== waiting || stages.some(({ stats }) => stats.committing)) continue;
    if (stages.every(({ stats }) => stats.waiting || stats.running > 0)) return;
  }
}
