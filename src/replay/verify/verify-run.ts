import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isIngested } from '../../pipelines/feeds/token.js';
import { isShared, type Plan, planOf, stagesWith } from '../../pipelines/plan/plan.js';
import { learnersOf, MAIN_LEARNER } from '../../pipelines/spec/learners.js';
import { stepsOf } from '../../pipelines/spec/sections.js';
import { stageLag } from '../../runs/inspect/lag.js';
import { openRunFolder, type RunFolder } from '../../runs/inspect/run-folder.js';
import { type Machine, machineOf } from '../../runs/manifest/program-hash.js';
import { recordedWeights } from '../../runs/weights/recorded.js';
import { UserError } from '../../support/errors.js';
import { localStore } from '../../topics/registry.js';
import { recordsOf } from '../../topics/scan.js';
import { checkHead } from '../part.js';
import { withBase } from '../recorded.js';
import { rerun, type Watch } from '../rerun.js';
import { recordedScores } from '../scores.js';
import { findTopic } from '../topics.js';
import { compareRun, type RunComparison } from './compare.js';
import { damageOf } from './damage.js';
import { machineDifferences, planRepeat, type RepeatMode } from './repeat.js';
import { verifyReplay } from './verify-replay.js';

/** How a run was verified. */
export type VerifyMode =
  | RepeatMode
  /** A replay, repeated from the records of its parent. */
  | 'parent'
  /** Nothing was repeated: the record itself is damaged. */
  | 'checksums';

export interface VerifyReport extends RunComparison {
  readonly run: string;
  readonly mode: VerifyMode;
  /** Why not everything was repeated; empty where it was. */
  readonly notes: readonly string[];
}

export interface VerifyOptions extends Watch {
  /** The machine to compare with the recorded one. Default: this one. */
  readonly machine?: Machine;
}

/**
 * Checks a finished run against its checksums, then repeats it in a temporary folder and compares every topic bit by
 * bit. A replay is repeated from the records of its parent. A run of a cluster is repeated on embedded topics and
 * compared in the order of each key.
 * @throws {UserError} `unfinished` before the last step; `other-manifest` where the model, verifier, template or
 * another input has changed; `deleted-head` where retention has deleted records; `parent-gone` where a replay's parent
 * is missing
 * @example
 * const { equal, difference } = await verifyRun('runs/sums');
 */
export async function verifyRun(folder: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const run = await openRunFolder(folder);
  const temporary = mkdtempSync(join(tmpdir(), 'rlsd-verify-'));
  try {
    return { run: run.manifest.run, ...(await verifyInto(join(temporary, 'run'), run, folder, options)) };
  } finally {
    await run.log.close();
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function verifyInto(
  to: string,
  run: RunFolder,
  folder: string,
  { machine = machineOf(), ...watch }: VerifyOptions,
): Promise<Omit<VerifyReport, 'run'>> {
  const difference = await damageOf(run, folder);
  if (difference) return { equal: false, mode: 'checksums', notes: [], topics: [], difference };
  const { parent, bundle } = run.manifest;
  const isRepeatable = machineDifferences(run.manifest, machine).length === 0 && bundle?.privileged !== false;
  if (parent && isRepeatable) return { mode: 'parent', ...(await verifyReplay(run, folder, parent, to, watch)) };
  if (!parent) await checkFinished(run, folder);
  for (const { name } of run.plan.topics) if (!isShared(name)) checkHead(await findTopic(run.log, name));
  return repeatRun(to, run, folder, machine, watch);
}

async function repeatRun(
  to: string,
  run: RunFolder,
  folder: string,
  machine: Machine,
  watch: Watch,
): Promise<Omit<VerifyReport, 'run'>> {
  const { manifest, plan, log } = run;
  const { mode, source, sampledBy, stages, fill, compared, ...repeat } = await planRepeat(run, machine);
  const isThere = (topic: string) => plan.topics.some(({ name }) => name === topic);
  const spec = { ...withBase(manifest, resolve(folder)), topics: localStore };
  const { notes } = await rerun({
    ...{ run, folder, to, stages, fill, ...watch },
    plan: planOf(spec, manifest.folder, plan.transforms, { method: plan.method }),
    change: { from: 'prompts', set: [], only: [], train: false, evaluate: false },
    recorded: {
      source,
      proof: true,
      until: mode === 'recorded' || !isTrained(plan) ? null : stepsOf(plan.spec),
      ...(sampledBy && { sampledBy }),
      ...(mode === 'prompts' && { scores: () => recordedScores({ log }) }),
    },
  });
  return { mode, notes: [...repeat.notes, ...notes], ...(await compareRun(run, to, compared.filter(isThere))) };
}

const isTrained = (plan: Plan): boolean => stagesWith(plan, 'trainer').length > 0;

async function checkFinished(run: RunFolder, folder: string): Promise<void> {
  const { log, plan } = run;
  if (!isTrained(plan)) return checkExhausted(run, folder);
  const steps = stepsOf(plan.spec);
  for (const learner of learnersOf(plan.spec)) {
    const newest = Math.max(-1, ...(await recordedWeights(log, learner)).keys());
    if (newest >= steps) continue;
    const who = learner === MAIN_LEARNER ? 'the run' : `learner ${learner}`;
    throw new UserError(
      'unfinished',
      `${folder}: ${who} is at version ${newest}, expected ${steps}; \`rlsd resume ${folder}\` continues it`,
    );
  }
  // A run that was stopped after its last step has yet to measure it.
  for (const { name } of plan.stages.filter(({ inputType }) => inputType === 'weights')) {
    const measured = new Set<number>();
    for await (const { step } of recordsOf(log, 'metrics', ({ key }) => key === name)) measured.add(step);
    if (measured.size > 0 && !measured.has(steps))
      throw unfinished(folder, `stage ${name} has yet to measure version ${steps}`);
  }
}

async function checkExhausted({ log, plan }: RunFolder, folder: string): Promise<void> {
  if (plan.stages.some(({ input }) => input === 'source') && !(await isIngested(log)))
    throw unfinished(folder, 'not all of its prompts are written');
  const behind = (await stageLag(plan, log)).find(({ lag }) => lag > 0);
  if (!behind) return;
  const records = behind.lag === 1 ? '1 record' : `${behind.lag} records`;
  throw unfinished(folder, `stage ${behind.stage} is ${records} behind the end of ${behind.topic}`);
}

const unfinished = (folder: string, found: string): UserError =>
  new UserError('unfinished', `${folder}: ${found}; \`rlsd resume ${folder}\` continues it`);
