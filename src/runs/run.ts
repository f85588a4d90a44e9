import { relative } from 'node:path';
import { checkPlan } from '../pipelines/plan/check.js';
import { isExternal, needs, type PlanStage } from '../pipelines/plan/plan.js';
import { UserError } from '../support/errors.js';
import { recordsOf } from '../topics/scan.js';
import { newDisposers } from './disposers.js';
import { drive } from './drive.js';
import { openRun } from './open/open.js';
import type { OpenRun } from './open/opening.js';
import { type LineageEmitter, lineageEmitter } from './openlineage/emitter.js';
import type { RunOptions, Summary } from './options.js';
import { summarize } from './summary.js';

export type { Recorded, RunEvent, RunGoal, RunOptions, Summary } from './options.js';

/**
 * Runs a pipeline to its last step, resuming from the state of its folder.
 * @throws {UserError} `bad-plan` with every problem that `checkPlan` finds; `other-manifest` if the folder contains a
 * different run; `run-of-others` if its topics belong to a run of another folder; `run-failed` if a stage cannot
 * continue or every sample became a dead letter
 */
export async function runPipeline(options: RunOptions): Promise<Summary> {
  const { folder, onEvent = () => {}, signal, recorded } = options;
  const plan = { ...options.plan, components: { ...options.plan.components, ...options.components } };
  const started = performance.now();
  const elsewhere = plan.stages.filter((stage) => isExternal(plan, stage));
  const here = plan.stages.filter((stage) => !elsewhere.includes(stage));
  const stages = new Set(options.stages ?? here.map(({ name }) => name));
  const own = plan.stages.filter(({ name }) => stages.has(name));
  const reads = !recorded || own.some((stage) => needs(stage, 'context'));
  const problems = await checkPlan(plan, { prompts: reads, documents: reads || (recorded?.documents ?? false) });
  if (problems.length > 0) throw new UserError('bad-plan', problems.join('\n'));
  const disposers = newDisposers();
  let lineage: LineageEmitter | undefined;
  try {
    const run = await openRun({ plan, folder, stages: own, onEvent, disposers, recorded, join: options.join ?? false });
    const { manifest, resumed } = run;
    if (!recorded?.proof) {
      const warn = (message: string) => onEvent({ event: 'warning', message });
      lineage = await lineageEmitter({ plan, manifest, folder, stages: [...stages], warn });
    }
    await lineage?.start();
    for (const message of [...plan.warnings, ...elsewhere.map(externalText)]) onEvent({ event: 'warning', message });
    onEvent({ event: 'started', run: manifest.run, folder, steps: plan.spec.steps ?? null, resumed });
    await drive(run, recorded, signal).catch((error) => {
      run.observer.failed(error);
      throw error;
    });
    const summary = await summarize(run, (performance.now() - started) / 1000);
    onEvent({ event: 'summary', ...summary });
    if (own.some((stage) => needs(stage, 'trainer'))) await refuseUntrained(summary, run);
    await lineage?.complete(summary);
    if (options.stay) {
      run.observer.finished();
      await aborted(signal);
    }
    return summary;
  } catch (error) {
    // Where the folder is gone, its lineage cannot be written either; what ended the run comes first.
    await lineage?.fail(error).catch(() => {});
    throw error;
  } finally {
    await disposers.dispose();
  }
}

/** Resolves on the signal. The timer keeps the process alive, which a promise does not. */
async function aborted(signal: AbortSignal | undefined): Promise<void> {
  const timer = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(timer);
}

const externalText = ({ name }: PlanStage): string =>
  `learn.external: stage ${name} is left to another learner, whose weights the other stages wait for`;

/** A run that trained on nothing has failed. */
async function refuseUntrained({ samples, steps, folder }: Summary, { log }: Pick<OpenRun, 'log'>): Promise<void> {
  if (samples !== 0 || steps === 0) return;
  const { value: letter } = await recordsOf(log, 'dead-letters').next();
  throw new UserError(
    'run-failed',
    `nothing was trained on: every sample became a dead letter or was dropped by a transform` +
      `${letter ? ` (${letter.id}: ${letter.error})` : ''}; \`rlsd dead-letters ${relative('', folder)}\` shows why`,
  );
}
