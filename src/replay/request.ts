import { isDeepStrictEqual } from 'node:util';
import type { Plan, PlanStage } from '../pipelines/plan/plan.js';
import { needs } from '../pipelines/plan/plan.js';
import { stepsOf } from '../pipelines/spec/sections.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import { openLog, runName } from '../pipelines/topic-log.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { topicManifest } from '../runs/manifest/manifest.js';
import { UserError } from '../support/errors.js';
import { isTrainable, type Part } from './part.js';
import { weightsOf } from './recorded.js';

/** @throws {UserError} `run-exists` where the cluster has topics of a run of this name, whose folder may be gone */
export async function refuseExisting({ spec }: Plan, to: string): Promise<void> {
  if (spec.topics === 'embedded') return;
  const log = await openLog(spec, to);
  try {
    if (await topicManifest(log))
      throw new UserError(
        'run-exists',
        `--run ${to}: the cluster has topics of a run ${runName(to)} already, expected a new name for the replay`,
      );
  } finally {
    await log.close();
  }
}

export function checkTraining(from: string, part: Part, train: boolean, evaluate: boolean): void {
  if (from === 'prompts' && !train)
    throw new UserError(
      'bad-request',
      '--from prompts: samples anew, each step from weights of its own; expected --train with it',
    );
  if (evaluate && !train)
    throw new UserError(
      'bad-request',
      '--evaluate: nothing is trained that could be measured; expected --train with it',
    );
  if (train && !isTrainable(part))
    throw new UserError(
      'bad-request',
      '--train: a part that does not begin at the start is not trained on, since the optimiser kept no state of the time between; expected no --only but step=..LAST',
    );
}

/** What was asked for that takes training, which was not. */
export function idleChanges(from: string, was: PipelineSpec, is: PipelineSpec, train: boolean): string[] {
  if (train) return [];
  const changed = ['learn', 'publish', 'evaluate'].filter(
    (field) => !isDeepStrictEqual(was[field as 'learn'], is[field as 'learn']),
  );
  const [field] = changed;
  if (field !== undefined) return [`--set ${field}: changes nothing without --train`];
  return from === 'advantages' ? ['nothing lies after advantages but training, which --train does'] : [];
}

/** @throws {UserError} `incomplete-group` where each step is to be trained on in full */
export function leftOut(from: string, [first, ...others]: readonly string[], train: boolean): string[] {
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and of ${others.length} other${others.length === 1 ? '' : 's'}`;
  const found = `topic ${from}: found a part only of the samples of prompt ${first}${more}`;
  if (train) throw new UserError('incomplete-group', `${found}, expected whole groups to train on`);
  return [`${found}; groups are replayed whole, so these are left out`];
}

export async function checkSteps({ log, plan }: RunFolder, folder: string, until: number): Promise<void> {
  const { publish } = plan.spec;
  const steps = stepsOf(plan.spec);
  if (until < 1 || until > steps || until % publish.every !== 0)
    throw new UserError(
      'bad-request',
      `--only step=..${until - 1}: makes ${until} steps, expected a multiple of publish.every (${publish.every}) from ${publish.every} to ${steps}`,
    );
  const newest = Math.max(0, ...(await weightsOf(log)).keys());
  if (newest < until)
    throw new UserError(
      'unfinished',
      `${folder}: the run stands at version ${newest}, expected ${until}; \`rlsd resume ${folder}\` goes on with it, --only step=..${newest - 1} replays what is there`,
    );
}

/** @throws {UserError} `privileged-gone` where a stage needs what a bundle had left out */
export function checkContent({ manifest }: RunFolder, after: readonly PlanStage[]): void {
  const reader = after.find((stage) => needs(stage, 'references') || needs(stage, 'teacher'));
  if (manifest.bundle?.privileged === false && reader)
    throw new UserError(
      'privileged-gone',
      `the run was exported without its privileged content, which ${reader.name} needs; expected --from teacher-scores or advantages`,
    );
}
