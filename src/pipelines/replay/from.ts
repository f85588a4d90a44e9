import { cpSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nearest, UserError } from '../../errors.js';
import { scan } from '../../topics/scan.js';
import { contextOf, shownKinds } from '../context.js';
import { loadThrough } from '../load-through.js';
import { openRunFolder, type RunFolder } from '../open-run.js';
import { changeSpec } from '../parse.js';
import { flowOrder, needsTeacher, type Plan, planOf } from '../plan.js';
import { weightsFolder } from '../publisher.js';
import { type RunEvent, runPipeline, type Summary } from '../run.js';
import type { PipelineSpec } from '../spec.js';
import { fromRecord, groupTopics, type TopicName } from '../wire.js';
import { checkHead, inPart, isTrainable, type Part } from './part.js';
import { copyTopic, findTopic, sourceOf, tables, weightsOf, withBase } from './recorded.js';
import { checkInputs } from './verify.js';

export interface ReplayOptions {
  /** The topic whose recorded records are taken over: `rollouts`, `verdicts`, `teacher-scores` or `advantages`. */
  readonly from: string;
  /** Folder of the new run. */
  readonly to: string;
  /** What is changed: `path=value`, as for `--set`. */
  readonly set?: readonly string[];
  readonly part?: Part;
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

export interface Replayed {
  readonly summary: Summary;
  /** Whether the new run trained, or stopped at its advantages. */
  readonly trained: boolean;
  readonly notes: readonly string[];
}

/**
 * Runs only what lies after a topic into a new run, from the recorded records, with nothing sampled again. Each sample keeps the version
 * that made it and is trained on in its own step. A part that does not begin at the start is judged, scored and shaped, not trained on.
 * @throws {UserError} `unknown-topic`, `bad-change` for a setting that lies before the topic, `deleted-head`, `unfinished`, `weights-gone`,
 * `run-exists`
 */
export async function replayFrom(folder: string, options: ReplayOptions): Promise<Replayed> {
  const { from, to, set = [], part = {}, onEvent, signal } = options;
  const run = await openRunFolder(folder);
  try {
    if (existsSync(to))
      throw new UserError('run-exists', `${to}: is there already, expected a new folder for the replay`);
    const plan = await changedPlan(run, resolve(folder), from, set);
    checkHead(await findTopic(run.log, from), part);
    const trained = isTrainable(part);
    const until = part.toStep ?? plan.spec.steps;
    if (trained) await checkSteps(run, folder, until);
    const { source, there } = await sourceOf(run);
    const after = flowOrder(plan, from).filter(({ does }) => trained || does !== 'learn');
    const stages = [...after.map(({ name }) => name), ...(trained && there ? ['evaluate'] : [])];
    const scores = after.some(({ does }) => does === 'teach');
    const snapshots = !trained && scores ? await snapshotsOf(run, folder, from, plan.spec, part) : [];
    const notes = [
      ...(there ? [] : ['the source of the prompts is gone or has changed: the held-out prompts are not measured']),
      ...(trained
        ? []
        : ['a part that does not begin at the start is not trained on: the replay ends with the advantages']),
    ];
    const summary = await runPipeline({
      plan,
      folder: to,
      stages,
      ...(onEvent && { onEvent }),
      ...(signal && { signal }),
      recorded: {
        parent: { run: run.manifest.run, folder: resolve(folder), from, set },
        source,
        until: trained ? until : null,
        async fill(log, manifest) {
          notes.push(...checkInputs(run.manifest, manifest, ['verifier', 'shaper', 'teacherTemplate', 'through']));
          for (const topic of tables) await copyTopic(run.log, log, topic);
          for (const topic of ['prompts', from])
            await copyTopic(run.log, log, topic, inPart(withoutPlace(topic, from, part)));
          if (!trained) await copyTopic(run.log, log, 'weights');
          for (const location of snapshots) cpSync(join(folder, location), join(to, location), { recursive: true });
        },
      },
    });
    return { summary, trained, notes };
  } finally {
    await run.log.close();
  }
}

/** Offsets and times are those of the topic that is replayed; other topics have their own. */
function withoutPlace(topic: string, from: string, part: Part): Part {
  if (topic === from) return part;
  const { fromOffset: _, fromTime: __, ...rest } = part;
  return rest;
}

/** Fields of the spec that were decided before a topic's records were made. */
const before: Readonly<Record<string, readonly [field: string, of: (spec: PipelineSpec) => unknown][]>> = {
  rollouts: [
    ['pipeline', ({ pipeline }) => pipeline],
    ['seed', ({ seed }) => seed],
    ['steps', ({ steps }) => steps],
    ['prompts', ({ prompts }) => prompts],
    ['rollout', ({ rollout }) => rollout],
    ['model.base', ({ model }) => model.base],
    ['learn.prompts', ({ learn }) => learn.prompts],
  ],
  verdicts: [['verify', ({ verify }) => verify]],
  'teacher-scores': [
    ['teach', ({ teach }) => teach],
    ['privileged', ({ privileged }) => privileged],
  ],
  advantages: [['shape', ({ shape }) => shape]],
};

async function changedPlan(run: RunFolder, folder: string, from: string, set: readonly string[]): Promise<Plan> {
  const { manifest } = run;
  const recorded = withBase(manifest, folder);
  const spec = changeSpec(recorded, set);
  const present: readonly string[] = groupTopics.filter((topic) => run.plan.topics.some(({ name }) => name === topic));
  if (!present.includes(from)) {
    const near = nearest(from, present);
    throw new UserError(
      'unknown-topic',
      `--from ${from}: a replay begins after one of ${present.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
    );
  }
  const plan = planOf(spec, manifest.folder, await loadThrough(spec, manifest.folder));
  if (!plan.topics.some(({ name }) => name === from))
    throw new UserError('bad-change', `--from ${from}: the changed pipeline has no such topic; begin with verdicts`);
  const fixed = groupTopics
    .slice(0, groupTopics.indexOf(from as TopicName) + 1)
    .flatMap((topic) => before[topic] ?? []);
  for (const [field, of] of fixed) {
    const [was, is] = [JSON.stringify(of(recorded)), JSON.stringify(of(spec))];
    if (was !== is)
      throw new UserError(
        'bad-change',
        `--set ${field}: found ${is}, expected ${was} as recorded: it was decided before ${from}${field === 'steps' ? '; --to-step ends a replay earlier' : ''}`,
      );
  }
  const kept = shownKinds(contextOf(manifest.spec).joins);
  const missing = needsTeacher(spec) ? shownKinds(contextOf(spec).joins).filter((kind) => !kept.includes(kind)) : [];
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
      `--to-step ${until}: expected a multiple of publish.every (${publish.every}) from ${publish.every} to ${steps}`,
    );
  const newest = Math.max(0, ...(await weightsOf(log)).keys());
  if (newest < until)
    throw new UserError(
      'unfinished',
      `${folder}: the run stands at version ${newest}, expected ${until}; \`rlsd resume ${folder}\` goes on with it, --to-step ${newest} replays what is there`,
    );
}

/**
 * Folders, relative to the run, of the recorded weights that teach a part's samples.
 * @throws {UserError} `weights-gone`
 */
async function snapshotsOf({ log }: RunFolder, folder: string, from: string, { teach }: PipelineSpec, part: Part) {
  const needed = new Set<number>();
  const keep = inPart(part);
  for await (const record of scan(log, from, 0)) {
    if (!keep(record) || record.value === null) continue;
    const { policyVersion } = fromRecord(from as 'rollouts', { ...record, value: record.value });
    needed.add(policyVersion - (policyVersion % teach.every));
  }
  const gone = [...needed].filter((version) => !existsSync(join(folder, weightsFolder(version))));
  if (gone.length > 0)
    throw new UserError(
      'weights-gone',
      `${folder}: the teacher's version ${gone.join(', ')} is no longer on disk (publish.keep), expected in ${weightsFolder(gone[0] ?? 0)}; a replay from the start makes it again`,
    );
  return [...needed].map(weightsFolder);
}
