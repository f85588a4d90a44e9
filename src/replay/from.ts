import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readsPrivileged } from '../methods/method.js';
import { contextOf, shownKinds } from '../pipelines/context.js';
import { stepsAhead } from '../pipelines/ingest.js';
import { loadPlan } from '../pipelines/load-method.js';
import { changeSpec, fieldAt } from '../pipelines/parse.js';
import { decidedBefore, flowOrder, needs, type Plan, type PlanStage } from '../pipelines/plan.js';
import type { PipelineSpec } from '../pipelines/spec.js';
import { openLog, runName } from '../pipelines/topic-log.js';
import { topicManifest } from '../runs/manifest/manifest.js';
import { openRunFolder, type RunFolder } from '../runs/open-run.js';
import { type RunEvent, runPipeline, type Summary } from '../runs/run.js';
import { linkFolder } from '../runs/weights/link-folder.js';
import { weightsFolder } from '../runs/weights/publisher.js';
import { nearest, UserError } from '../support/errors.js';
import type { LogRecord } from '../topics/log.js';
import { fromRecord, groupTopics, type TopicName } from '../topics/record-codec.js';
import { checkHead, isTrainable, type Part, partTexts, promptsInPart } from './part.js';
import {
  checkInputs,
  copyTopic,
  findTopic,
  recordedSource,
  scanInOrder,
  sourceOf,
  tables,
  weightsOf,
  withBase,
} from './recorded.js';
import { recordedScores } from './scores.js';

export interface ReplayOptions {
  /** The topic whose recorded records are taken over: `rollouts`, `verdicts`, `teacher-scores`, `advantages`, or `prompts`. */
  readonly from: string;
  /** Folder of the new run. */
  readonly to: string;
  /** What is changed: `path=value`, as for `--set`. */
  readonly set?: readonly string[];
  readonly part?: Part;
  /** Trains on the new advantages, too; otherwise the replay ends with them, scored by the recorded weights. */
  readonly train?: boolean;
  /** Measures the weights that it trains on the held-out prompts. */
  readonly evaluate?: boolean;
  /** Made to be compared and thrown away: tells nobody that it ran. */
  readonly proof?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

export interface Replayed {
  readonly summary: Summary;
  readonly notes: readonly string[];
}

/**
 * Runs only what lies after a topic into a new run, from the recorded records, with nothing sampled again. Each sample keeps the version
 * that made it; a teacher's score that would come out the same is taken over. With `train` each step is trained on in its place.
 * @throws {UserError} `unknown-topic`, `bad-change` for a setting that lies before the topic, `bad-request`, `deleted-head`, `empty-part`, `incomplete-group`, `unfinished`,
 * `weights-gone`, `privileged-gone`, `run-exists`
 */
export async function replayFrom(folder: string, options: ReplayOptions): Promise<Replayed> {
  const { from, to, set = [], part = {}, train = false, evaluate = false, proof = false, onEvent, signal } = options;
  const run = await openRunFolder(folder);
  try {
    if (existsSync(to))
      throw new UserError('run-exists', `${to}: is there already, expected a new folder for the replay`);
    const plan = await changedPlan(run, resolve(folder), from, set);
    await refuseThere(plan, to);
    checkHead(await findTopic(run.log, from), part);
    const until = (part.step?.to ?? plan.spec.steps - 1) + 1;
    checkTraining(from, part, train, evaluate);
    if (train) await checkSteps(run, folder, until);
    const { source, there } = evaluate || train ? await sourceOf(run) : { source: recordedSource(run), there: false };
    if (evaluate && !there)
      throw new UserError(
        'source-gone',
        '--evaluate: the source of the prompts is gone or has changed, expected as it was for the held-out prompts',
      );
    const after = flowOrder(plan, from).filter((stage) => train || !needs(stage, 'trainer'));
    checkContent(run, after);
    const scores = after.some((stage) => needs(stage, 'teacher'));
    const shown = scores && from !== 'prompts' && sameContext(run.manifest.spec, plan.spec);
    const taken = shown && sameTeacher(run.plan, plan);
    const { inside, incomplete } = await promptsInPart(run.log, from as TopicName, part);
    if (inside.size === 0 && incomplete.length === 0)
      throw new UserError(
        'empty-part',
        `topic ${from}: no whole group lies in this part, so there is nothing to replay`,
      );
    const notes = [...idleChanges(from, run.manifest.spec, plan.spec, train), ...leftOut(from, incomplete, train)];
    const snapshots = train || !scores ? [] : await snapshotsOf(run, folder, from, plan.spec, inside, taken);
    const kept = ({ key }: LogRecord) => inside.has(key);
    const feeds = train && plan.spec.topics !== 'embedded';
    const summary = await runPipeline({
      plan,
      folder: to,
      stages: [...after.map(({ name }) => name), ...(evaluate ? ['evaluate'] : [])],
      ...(onEvent && { onEvent }),
      ...(signal && { signal }),
      recorded: {
        parent: { run: run.manifest.run, folder: resolve(folder), from, set, only: partTexts(part), train, evaluate },
        ...(proof && { proof }),
        source,
        until: train ? until : null,
        documents: scores && newDocuments(run.manifest.spec, plan.spec),
        ...(feeds && {
          feed: (log, published) =>
            copyTopic(run.log, log, from, kept, (step) => published(step - stepsAhead(plan.spec))),
        }),
        ...(shown && {
          scores: (digestOf) => recordedScores({ log: run.log, ...(taken && { digestOf }) }),
        }),
        async fill(log, manifest) {
          notes.push(...checkInputs(run.manifest, manifest, ['verifier', 'shaper', 'teacherTemplate', 'through']));
          for (const topic of tables) await copyTopic(run.log, log, topic);
          for (const topic of new Set(['prompts', from]))
            if (topic !== from || !feeds) await copyTopic(run.log, log, topic, kept);
          if (!train) await copyTopic(run.log, log, 'weights');
          for (const location of snapshots) linkFolder(join(folder, location), join(to, location));
        },
      },
    });
    return { summary, notes };
  } finally {
    await run.log.close();
  }
}

/** @throws {UserError} `run-exists` where the cluster has topics of a run of this name, whose folder may be gone */
async function refuseThere({ spec }: Plan, to: string): Promise<void> {
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

function checkTraining(from: string, part: Part, train: boolean, evaluate: boolean): void {
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
function idleChanges(from: string, was: PipelineSpec, is: PipelineSpec, train: boolean): string[] {
  if (train) return [];
  const changed = ['learn', 'publish', 'evaluate'].filter(
    (field) => !isDeepStrictEqual(was[field as 'learn'], is[field as 'learn']),
  );
  const [field] = changed;
  if (field !== undefined) return [`--set ${field}: changes nothing without --train`];
  return from === 'advantages' ? ['nothing lies after advantages but training, which --train does'] : [];
}

/** @throws {UserError} `incomplete-group` where each step is to be trained on in full */
function leftOut(from: string, [first, ...others]: readonly string[], train: boolean): string[] {
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and of ${others.length} other${others.length === 1 ? '' : 's'}`;
  const found = `topic ${from}: found a part only of the samples of prompt ${first}${more}`;
  if (train) throw new UserError('incomplete-group', `${found}, expected whole groups to train on`);
  return [`${found}; groups are replayed whole, so these are left out`];
}

/** Whether other documents are declared than those of the record. */
const newDocuments = (was: PipelineSpec, is: PipelineSpec): boolean =>
  !isDeepStrictEqual(contextOf(was).sources, contextOf(is).sources);

/** Whether the teacher would be shown what the record says it was shown. */
const sameContext = (was: PipelineSpec, is: PipelineSpec): boolean =>
  isDeepStrictEqual(
    [was.privileged, was.teach.contextTokens, was.teach.context],
    [is.privileged, is.teach.contextTokens, is.teach.context],
  );

/** Whether the same weights and template would teach each sample. */
const sameTeacher = (was: Plan, is: Plan): boolean =>
  isDeepStrictEqual([was.spec.teach, was.method.teacher], [is.spec.teach, is.method.teacher]);

async function changedPlan(run: RunFolder, folder: string, from: string, set: readonly string[]): Promise<Plan> {
  const { manifest } = run;
  const recorded = withBase(manifest, folder);
  const spec = changeSpec(recorded, set);
  const order: readonly string[] = ['prompts', ...groupTopics];
  const present = order.filter((topic) => run.plan.topics.some(({ name }) => name === topic));
  if (!present.includes(from)) {
    const near = nearest(from, present);
    throw new UserError(
      'unknown-topic',
      `--from ${from}: a replay begins after one of ${present.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
    );
  }
  const plan = await loadPlan(spec, manifest.folder);
  if (!plan.topics.some(({ name }) => name === from))
    throw new UserError('bad-change', `--from ${from}: the changed pipeline has no such topic; begin with verdicts`);
  for (const field of decidedBefore(plan, from)) {
    const [was, is] = [JSON.stringify(fieldAt(recorded, field)), JSON.stringify(fieldAt(spec, field))];
    if (was !== is)
      throw new UserError(
        'bad-change',
        `--set ${field}: found ${is}, expected ${was} as recorded: it was decided before ${from}${field === 'steps' ? '; --only step=..LAST ends a replay earlier' : ''}`,
      );
  }
  if (newDocuments(recorded, spec)) return plan;
  const kept = shownKinds(contextOf(manifest.spec).joins);
  const missing = readsPrivileged(plan.method)
    ? shownKinds(contextOf(spec).joins).filter((kind) => !kept.includes(kind))
    : [];
  if (missing.length > 0)
    throw new UserError(
      'bad-change',
      `--set privileged: found ${missing.join(', ')}, expected some of ${kept.join(', ') || 'nothing'}: the run recorded no other context`,
    );
  return plan;
}

async function checkSteps({ log, plan }: RunFolder, folder: string, until: number): Promise<void> {
  const { publish, steps } = plan.spec;
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

/**
 * Folders, relative to the run, of the recorded weights that may have to teach. Those of scores that are taken over may be gone.
 * @throws {UserError} `weights-gone`
 */
async function snapshotsOf(
  { log }: RunFolder,
  folder: string,
  from: string,
  { teach }: PipelineSpec,
  inside: ReadonlySet<string>,
  taken: boolean,
): Promise<string[]> {
  const needed = new Set<number>();
  for await (const record of scanInOrder(log, from)) {
    if (record.value === null || !inside.has(record.key)) continue;
    const { policyVersion } = fromRecord(from as 'rollouts', { ...record, value: record.value });
    needed.add(policyVersion - (policyVersion % teach.every));
  }
  const isThere = (version: number) => existsSync(join(folder, weightsFolder(version)));
  const gone = [...needed].filter((version) => !isThere(version));
  if (gone.length > 0 && !taken)
    throw new UserError(
      'weights-gone',
      `${folder}: the teacher's version ${gone.join(', ')} is no longer on disk (publish.keep), expected in ${weightsFolder(gone[0] ?? 0)}; with --train the replay makes it again`,
    );
  return [...needed].filter(isThere).map(weightsFolder);
}

/** @throws {UserError} `privileged-gone` where a stage needs what a bundle had left out */
function checkContent({ manifest }: RunFolder, after: readonly PlanStage[]): void {
  const reader = after.find((stage) => needs(stage, 'references') || needs(stage, 'teacher'));
  if (manifest.bundle?.privileged === false && reader)
    throw new UserError(
      'privileged-gone',
      `the run was exported without its privileged content, which ${reader.name} needs; expected --from teacher-scores or advantages`,
    );
}
