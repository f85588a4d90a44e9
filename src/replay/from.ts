import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stepsAhead } from '../pipelines/feeds/ingest.js';
import type { Sources } from '../pipelines/feeds/sources.js';
import { flowOrder, needs, type Plan, type PlanStage } from '../pipelines/plan/plan.js';
import { evaluateStage } from '../pipelines/stages/evaluate.js';
import { openRunFolder, type RunFolder } from '../runs/inspect/run-folder.js';
import type { Recorded } from '../runs/options.js';
import type { Summary } from '../runs/run.js';
import { linkFolder } from '../runs/weights/link-folder.js';
import { UserError } from '../support/errors.js';
import type { LogRecord } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';
import { changedPlan, newDocuments, sameContext, sameTeacher } from './change.js';
import { checkHead, type Part, partTexts, promptsInPart } from './part.js';
import { recordedSource, sourceOf, tables } from './recorded.js';
import { checkContent, checkSteps, checkTraining, ineffectiveChanges, leftOut, refuseExisting } from './request.js';
import { rerun, type Watch } from './rerun.js';
import { recordedScores } from './scores.js';
import { teacherSnapshots } from './snapshots.js';
import { copyTopic, findTopic } from './topics.js';

export interface ReplayOptions extends Watch {
  /**
   * The topic to start from: `rollouts`, `verdicts`, `teacher-scores`, `advantages` or `prompts`. Its records are
   * copied.
   */
  readonly from: string;
  /** Folder of the new run. */
  readonly to: string;
  /** Changes to the spec as `path=value`, as for `--set`. */
  readonly set?: readonly string[];
  readonly part?: Part;
  /** Also trains on the new advantages. Otherwise the replay ends with them and scores with the recorded weights. */
  readonly train?: boolean;
  /** Evaluates the new weights on the held-out prompts. */
  readonly evaluate?: boolean;
  /** The new run is only compared and then deleted: emits no lineage. */
  readonly proof?: boolean;
}

export interface Replayed {
  readonly summary: Summary;
  readonly notes: readonly string[];
}

/**
 * Runs the stages after a topic into a new run, from the recorded records and without sampling again. Each sample keeps
 * the version that made it; teacher scores that would come out the same are reused. With `train`, every step trains in
 * turn.
 * @throws {UserError} `unknown-topic`, `bad-request`, `empty-part`, `incomplete-group`, `unfinished`, `run-exists`;
 * `bad-change` for a setting that was decided before the topic; `deleted-head`, `weights-gone`, `privileged-gone` or
 * `source-gone` where the recorded run no longer has what the replay needs
 * @example
 * await replayFrom('runs/sums', { from: 'rollouts', to: 'runs/sums-clip', set: ['shape.rlsd.weightClip=0.3'] });
 */
export async function replayFrom(folder: string, options: ReplayOptions): Promise<Replayed> {
  const run = await openRunFolder(folder);
  try {
    const replay = await planReplay(run, folder, options);
    const { plan, from, to, after, part, train, evaluate, set } = replay;
    const { summary, notes } = await rerun({
      ...{ run, folder, plan, to },
      ...(options.onEvent && { onEvent: options.onEvent }),
      ...(options.signal && { signal: options.signal }),
      change: { from, set, only: partTexts(part), train, evaluate },
      stages: [...after, ...(evaluate ? measuring(plan) : [])].map(({ name }) => name),
      recorded: {
        ...(options.proof && { proof: true }),
        source: replay.source,
        until: train ? replay.until : null,
        documents: replay.scores && newDocuments(run.manifest.spec, plan.spec),
        ...feedOf(run, replay),
        ...scoresOf(run, replay),
      },
      changed: [
        ...(['verifier', 'teacherTemplate', 'transform'] as const),
        ...(['shaper', 'methodModule', 'lossModule', 'lossModules'] as const),
      ],
      fill: (log) => copyRecorded(run, folder, replay, log),
    });
    return { summary, notes: [...replay.notes, ...notes] };
  } finally {
    await run.log.close();
  }
}

const measuring = ({ stages }: Plan): PlanStage[] => stages.filter(({ definition }) => definition === evaluateStage);

/** A replay with everything checked that can be checked before it runs. */
interface ReplayPlan {
  readonly from: string;
  readonly to: string;
  readonly set: readonly string[];
  readonly part: Part;
  readonly train: boolean;
  readonly evaluate: boolean;
  readonly plan: Plan;
  /** The stages after the topic, in the order of the flow. */
  readonly after: readonly PlanStage[];
  /** Ends training after this version. */
  readonly until: number;
  readonly source: Sources;
  /** Whether a stage scores. */
  readonly scores: boolean;
  /** Whether the teacher is shown what the record says, and whether its scores would come out the same. */
  readonly reuses: { readonly documents: boolean; readonly scores: boolean };
  readonly keep: (record: LogRecord) => boolean;
  /** Folders, relative to the run, of the recorded weights that may have to score. */
  readonly snapshots: readonly string[];
  readonly notes: readonly string[];
}

async function planReplay(run: RunFolder, folder: string, options: ReplayOptions): Promise<ReplayPlan> {
  const { from, to, set = [], part = {}, train = false, evaluate = false } = options;
  const was = run.manifest.spec;
  if (existsSync(to)) throw new UserError('run-exists', `${to}: exists already, expected a new folder for the replay`);
  const plan = await changedPlan(run, resolve(folder), from, set);
  await refuseExisting(plan, to);
  checkHead(await findTopic(run.log, from), part);
  const until = (part.step?.to ?? lastStep(plan)) + 1;
  checkTraining(from, part, train, evaluate);
  if (train) await checkSteps(run, folder, until);
  const source = await replaySource(run, train, evaluate);
  const after = flowOrder(plan, from).filter((stage) => train || !needs(stage, 'trainer'));
  checkContent(run, after);
  const scores = after.some((stage) => needs(stage, 'teacher'));
  const sameDocuments = scores && from !== 'prompts' && sameContext(was, plan.spec);
  const reuses = { documents: sameDocuments, scores: sameDocuments && sameTeacher(run.plan, plan) };
  const { inside, incomplete } = await promptsInPart(run.log, from as TopicName, part);
  if (inside.size === 0 && incomplete.length === 0)
    throw new UserError('empty-part', `topic ${from}: no whole group is in this part, so there is nothing to replay`);
  const notes = [...ineffectiveChanges(from, was, plan.spec, train), ...leftOut(from, incomplete, train)];
  const keep = ({ key }: LogRecord) => inside.has(key);
  const snapshots =
    scores && !train ? await teacherSnapshots(run, folder, { from, keep, every: plan.spec.teach.every, reuses }) : [];
  return { from, to, set, part, train, evaluate, plan, after, until, source, scores, reuses, keep, snapshots, notes };
}

/** A pipeline that does not train has no steps, and its replay no last one. */
const lastStep = ({ spec }: Plan): number => (spec.steps === undefined ? 0 : spec.steps - 1);

/** @throws {UserError} `source-gone` where the held-out prompts are needed and have changed */
async function replaySource(run: RunFolder, train: boolean, evaluate: boolean): Promise<Sources> {
  if (!train) return recordedSource(run);
  const { source, unchanged } = await sourceOf(run);
  if (evaluate && !unchanged)
    throw new UserError(
      'source-gone',
      '--evaluate: the source of the prompts is missing or has changed; restore it for the held-out prompts, or ' +
        'leave out --evaluate',
    );
  return source;
}

/** On a cluster, records are fed as the weights advance: partitions have no common order. */
const feeds = ({ train, plan }: ReplayPlan): boolean => train && plan.store.traits.partitions > 1;

function feedOf(run: RunFolder, replay: ReplayPlan): Pick<Recorded, 'feed'> {
  if (!feeds(replay)) return {};
  const { from, keep, plan } = replay;
  return {
    feed: (log, published) => copyTopic(run.log, log, from, keep, (step) => published(step - stepsAhead(plan))),
  };
}

function scoresOf(run: RunFolder, { reuses }: ReplayPlan): Pick<Recorded, 'scores'> {
  if (!reuses.documents) return {};
  return { scores: (digestOf) => recordedScores({ log: run.log, ...(reuses.scores && { digestOf }) }) };
}

async function copyRecorded(run: RunFolder, folder: string, replay: ReplayPlan, log: Parameters<typeof copyTopic>[1]) {
  const { from, to, train, keep, snapshots } = replay;
  for (const topic of tables) await copyTopic(run.log, log, topic);
  for (const topic of new Set(['prompts', from]))
    if (topic !== from || !feeds(replay)) await copyTopic(run.log, log, topic, keep);
  if (!train) await copyTopic(run.log, log, 'weights');
  for (const location of snapshots) linkFolder(join(folder, location), join(to, location));
}
