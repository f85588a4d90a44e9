import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST } from '../../pipelines/feeds/recorded-spec.js';
import { takeToken } from '../../pipelines/feeds/token.js';
import { checkPlan } from '../../pipelines/plan/check.js';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import { extendSpec } from '../../pipelines/spec/extended.js';
import { learnersOf } from '../../pipelines/spec/learners.js';
import { checkSpec } from '../../pipelines/spec/parse.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { openRunFolder, type RunFolder } from '../inspect/run-folder.js';
import { lastWeights } from '../weights/publisher.js';
import { folderClaim, joinRun } from './claim.js';
import { readManifest, topicManifest, writeManifest } from './manifest.js';
import { readTopicManifest, stepsAppend } from './topic.js';

/** How a run got more steps. */
export interface Extension {
  readonly was: number;
  readonly steps: number;
  /** The first step that is made under the new number; earlier ones keep their learning rate. */
  readonly step: number;
}

/**
 * Gives a run that is finished or stopped more steps, in its topics and its folder. The steps already made stay as they
 * are; a learning rate that decays continues as if the run had begun with the new number.
 * @param join whether the topics may belong to a run that was begun from another folder
 * @returns undefined if the run has that many steps already
 * @throws {UserError} `bad-request` for a number that is not larger; `run-live` or `topics-locked` while it runs;
 * `bad-plan` where the pipeline cannot have so many; `run-of-others`
 */
export async function extendRun(folder: string, steps: number, join = false): Promise<Extension | undefined> {
  const run = await openRunFolder(folder, { readOnly: false });
  try {
    const found = await readTopicManifest(run.log);
    if (found && run.plan.store.traits.location !== 'folder') joinRun(folder, folderClaim(folder), found, join);
    return await extendOpen(run, folder, steps);
  } finally {
    await run.log.close();
  }
}

async function extendOpen(run: RunFolder, folder: string, steps: number): Promise<Extension | undefined> {
  const { log, manifest } = run;
  const recorded = (await topicManifest(log))?.spec ?? manifest.spec;
  const was = recorded.steps;
  if (was === undefined || !recorded.learn)
    throw new UserError(
      'bad-request',
      `--steps ${steps}: the pipeline of ${folder} trains nothing, so it has no steps`,
    );
  if (was > steps)
    throw new UserError('bad-request', `--steps ${steps}: the run has ${was} steps; expected a larger number`);
  if (was === steps) {
    // Another machine, or a call that was interrupted, has extended the run in its topics already.
    const { extended } = recorded;
    if (manifest.spec.steps !== steps)
      writeManifest(folder, { ...manifest, spec: { ...manifest.spec, steps, ...(extended && { extended }) } });
    return undefined;
  }
  await refuseLive(run);
  const step = await newestVersion(log, recorded);
  const spec = checkSpec(extendSpec({ ...manifest.spec, ...extensionsOf(recorded) }, was, steps, step), {
    locate: () => `--steps ${steps}`,
  });
  const problems = await checkPlan(await loadPlan(spec, manifest.folder));
  if (problems.length > 0) throw new UserError('bad-plan', problems.join('\n'));
  await log.append([stepsAppend(spec)]);
  writeManifest(folder, { ...manifest, spec });
  return { was, steps, step };
}

const extensionsOf = ({ steps, extended }: PipelineSpec) => ({ steps, ...(extended && { extended }) });

/** What was published is made; a learner's later steps are made again. */
async function newestVersion(log: TopicLog, spec: PipelineSpec): Promise<number> {
  const last = await Promise.all(learnersOf(spec).map((learner) => lastWeights(log, learner)));
  return Math.max(0, ...last.map((weights) => weights?.version ?? 0));
}

/** The process that writes prompts has read its number of steps at its start. The embedded log is locked by it. */
async function refuseLive({ log, plan }: RunFolder): Promise<void> {
  const writer = plan.stages.find(({ input }) => input === 'source');
  if (!plan.store.traits.multiProcess || !writer) return;
  const consumer = await log.consumer(writer.name, ['source']);
  try {
    if (await takeToken(log, consumer, AbortSignal.timeout(15_000))) return;
  } finally {
    await consumer.close();
  }
  throw new UserError('run-live', 'another process writes the prompts of this run: stop its stages first');
}

/**
 * A pipeline as it is in a run's folder, where the run was given more steps and the pipeline now has that number.
 * @param folder the run's, which need not exist
 */
export function withExtension(spec: PipelineSpec, folder: string): PipelineSpec {
  if (spec.extended || !existsSync(join(folder, MANIFEST))) return spec;
  const { steps, extended } = readManifest(folder).spec;
  return extended && steps === spec.steps ? { ...spec, extended } : spec;
}
