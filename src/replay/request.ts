import { isDeepStrictEqual } from 'node:util';
import type { Plan, PlanStage } from '../pipelines/plan/plan.js';
import { needs } from '../pipelines/plan/plan.js';
import { stepsOf } from '../pipelines/spec/sections.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import { openLog, placeOf } from '../pipelines/topic-log.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { topicManifest } from '../runs/manifest/manifest.js';
import { recordedWeights } from '../runs/weights/recorded.js';
import { UserError } from '../support/errors.js';
import { isTrainable, type Part } from './part.js';

/** @throws {UserError} `run-exists` where the cluster has topics of a run of this name, even without its folder */
export async function refuseExisting(plan: Plan, to: string): Promise<void> {
  if (plan.store.traits.location === 'folder') return;
  const log = await openLog(plan, to);
  try {
    if (await topicManifest(log))
      throw new UserError(
        'run-exists',
        `--run ${to}: the cluster has topics of a run ${placeOf(to).run} already, expected a new name for the replay`,
      );
  } finally {
    await log.close();
  }
}

/** @throws {UserError} `bad-request` for options that only make sense together */
export function checkTraining(from: string, part: Part, train: boolean, evaluate: boolean): void {
  const refuse = (message: string): never => {
    throw new UserError('bad-request', message);
  };
  if (from === 'prompts' && !train)
    refuse('--from prompts requires --train: each step samples from the weights that the step before it trained');
  if (evaluate && !train) refuse('--evaluate requires --train');
  if (train && !isTrainable(part))
    refuse(
      '--train: a part cannot begin after the first step, since the optimizer state in between was not kept; ' +
        'expected no --only, or step=..LAST',
    );
}

/** A note where the request has no effect without training. */
export function ineffectiveChanges(from: string, was: PipelineSpec, is: PipelineSpec, train: boolean): string[] {
  if (train) return [];
  const fields = ['learn', 'learners', 'publish', 'evaluate'] as const;
  const field = fields.find((one) => !isDeepStrictEqual(was[one], is[one]));
  if (field !== undefined) return [`--set ${field}: has no effect without --train`];
  return from === 'advantages' ? ['only training follows advantages; add --train'] : [];
}

/**
 * A note on groups that the topic has only in part.
 * @throws {UserError} `incomplete-group` with `train`, since a step is trained in full
 */
export function leftOut(from: string, [first, ...others]: readonly string[], train: boolean): string[] {
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and of ${others.length} other${others.length === 1 ? '' : 's'}`;
  const found = `topic ${from}: found only some samples of prompt ${first}${more}`;
  if (train) throw new UserError('incomplete-group', `${found}, expected whole groups to train on`);
  return [`${found}; skipped, since groups are replayed whole`];
}

/** @throws {UserError} `bad-request` or `unfinished` where training cannot end after `until` steps */
export async function checkSteps({ log, plan }: RunFolder, folder: string, until: number): Promise<void> {
  const { publish } = plan.spec;
  const steps = stepsOf(plan.spec);
  if (until < 1 || until > steps || until % publish.every !== 0)
    throw new UserError(
      'bad-request',
      `--only step=..${until - 1}: is ${until} steps, expected a multiple of publish.every (${publish.every}) ` +
        `from ${publish.every} to ${steps}`,
    );
  const newest = Math.max(0, ...(await recordedWeights(log)).keys());
  if (newest < until)
    throw new UserError(
      'unfinished',
      `${folder}: the run is at version ${newest}, expected ${until}; \`rlsd resume ${folder}\` continues it, ` +
        `--only step=..${newest - 1} replays the finished steps`,
    );
}

/** @throws {UserError} `privileged-gone` where a stage needs content that an export left out */
export function checkContent({ manifest }: RunFolder, after: readonly PlanStage[]): void {
  const reader = after.find((stage) => needs(stage, 'references') || needs(stage, 'teacher'));
  if (manifest.bundle?.privileged === false && reader)
    throw new UserError(
      'privileged-gone',
      `the run was exported without its privileged content, which ${reader.name} needs; expected --from ` +
        'teacher-scores or advantages',
    );
}
