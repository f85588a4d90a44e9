import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { flowOrder, needs } from '../pipelines/plan/plan.js';
import { stepsAhead } from '../pipelines/running/ingest.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import { openRunFolder, type RunFolder } from '../runs/inspect/run-folder.js';
import { type RunEvent, runPipeline, type Summary } from '../runs/run.js';
import { linkFolder } from '../runs/weights/link-folder.js';
import { weightsFolder } from '../runs/weights/publisher.js';
import { UserError } from '../support/errors.js';
import type { LogRecord } from '../topics/log.js';
import { fromRecord, type TopicName } from '../topics/record-codec.js';
import { changedPlan, newDocuments, sameContext, sameTeacher } from './change.js';
import { checkHead, type Part, partTexts, promptsInPart } from './part.js';
import { checkInputs, copyTopic, findTopic, recordedSource, scanInOrder, sourceOf, tables } from './recorded.js';
import { checkContent, checkSteps, checkTraining, idleChanges, leftOut, refuseExisting } from './request.js';
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
    await refuseExisting(plan, to);
    checkHead(await findTopic(run.log, from), part);
    const until = (part.step?.to ?? (plan.spec.steps ?? 1) - 1) + 1;
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
