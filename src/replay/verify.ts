import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flowOrder, isShared, needs, planOf } from '../pipelines/plan/plan.js';
import { documentHashes } from '../pipelines/running/context.js';
import { stepsOf } from '../pipelines/spec/sections.js';
import type { ResourceName } from '../pipelines/stages/resources.js';
import { privilegedTable } from '../privileged/documents/table.js';
import { openRunFolder, type RunFolder } from '../runs/inspect/run-folder.js';
import { type Manifest, topicManifest } from '../runs/manifest/manifest.js';
import { type Machine, machineOf, programVersions } from '../runs/manifest/program-hash.js';
import { type RunEvent, runPipeline } from '../runs/run.js';
import type { PromptSource } from '../sources/source.js';
import { UserError } from '../support/errors.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { compareRun, type RunComparison } from './compare.js';
import { damageOf } from './damage.js';
import { checkHead } from './part.js';
import {
  checkInputs,
  copyTopic,
  findTopic,
  isSpread,
  sampledVersions,
  scanInOrder,
  sourceOf,
  tables,
  weightsOf,
  withBase,
} from './recorded.js';
import { recordedScores } from './scores.js';
import { verifyReplay } from './verify-replay.js';

/** How a run was executed again. */
export type VerifyMode =
  /** Everything, from the source of its prompts on. */
  | 'source'
  /** Everything, from its recorded prompts on. */
  | 'prompts'
  /** Of a replay: what lies after the topic that it began with, from the records of the run that it came from. */
  | 'parent'
  /** What does not depend on the processor, each stage from its recorded input. */
  | 'recorded'
  /** Nothing: the record itself is damaged. */
  | 'checksums';

export interface VerifyReport extends RunComparison {
  readonly run: string;
  readonly mode: VerifyMode;
  /** Why not everything was executed again; empty where it was. */
  readonly notes: readonly string[];
}

export interface VerifyOptions {
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
  /** The processor to compare with the recorded one. Default: this one. */
  readonly machine?: Machine;
}

/**
 * Reads all of a finished run against its checksums, then executes it again in a temporary folder and compares it topic by topic, bit
 * by bit. A replay is done again from the run that it came from. What ran on a cluster is executed again on embedded topics, where the order of each key is compared.
 * @throws {UserError} `unfinished` before the run's last step; `other-manifest` when its model, verifier, template or another input has
 * changed since; `deleted-head` when retention has dropped records of it; `parent-gone` where the run is gone that a replay came from
 */
export async function verifyRun(folder: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const run = await openRunFolder(folder);
  const temporary = mkdtempSync(join(tmpdir(), 'rlsd-verify-'));
  try {
    const damage = await damageOf(run, folder);
    if (damage)
      return { run: run.manifest.run, equal: false, mode: 'checksums', notes: [], topics: [], difference: damage };
    const machine = options.machine ?? machineOf();
    const again = join(temporary, 'run');
    const { parent, bundle } = run.manifest;
    const whole = machineDifferences(run.manifest, machine).length === 0 && bundle?.privileged !== false;
    if (parent && whole)
      return { run: run.manifest.run, mode: 'parent', ...(await verifyReplay(run, folder, parent, again, options)) };
    if (!parent) await checkFinished(run, folder);
    for (const { name } of run.plan.topics) if (!isShared(name)) checkHead(await findTopic(run.log, name));
    const repeat = await planRepeat(run, machine);
    const { manifest, plan } = run;
    const spec = { ...withBase(manifest, resolve(folder)), topics: 'embedded' as const };
    const notes = [...repeat.notes];
    const { onEvent, signal } = options;
    await runPipeline({
      plan: planOf(spec, manifest.folder, plan.transforms, { method: plan.method }),
      folder: again,
      stages: repeat.stages,
      ...(onEvent && { onEvent }),
      ...(signal && { signal }),
      recorded: {
        parent: {
          run: manifest.run,
          folder: resolve(folder),
          from: 'prompts',
          set: [],
          only: [],
          train: false,
          evaluate: false,
        },
        source: repeat.source,
        proof: true,
        until: repeat.mode === 'recorded' ? null : stepsOf(plan.spec),
        ...(repeat.sampledBy && { sampledBy: repeat.sampledBy }),
        ...(repeat.mode === 'prompts' && { scores: () => recordedScores({ log: run.log }) }),
        async fill(log, now) {
          notes.push(...checkInputs(manifest, now));
          await repeat.fill(log);
        },
      },
    });
    return { run: manifest.run, mode: repeat.mode, notes, ...(await compareRun(run, again, repeat.compared)) };
  } finally {
    await run.log.close();
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** How a run can be repeated on this machine. */
interface RepeatPlan {
  readonly mode: VerifyMode;
  readonly notes: readonly string[];
  readonly stages: readonly string[];
  readonly source: PromptSource;
  readonly fill: (log: TopicLog) => Promise<void>;
  readonly sampledBy?: (promptId: string) => number | undefined;
  /** Topics that are made again, in the order of the flow. */
  readonly compared: readonly string[];
}

async function planRepeat(run: RunFolder, machine: Machine): Promise<RepeatPlan> {
  const { manifest, plan, log } = run;
  const { source, there } = await sourceOf(run);
  const others = machineDifferences(manifest, machine);
  if (others.length > 0) {
    const why = `${others.join('; ')}: float results of the model need not be the same bit by bit here`;
    return fromRecorded(run, source, why);
  }
  if (manifest.bundle?.privileged === false)
    return fromRecorded(run, source, 'the run came without its privileged content, which judging and teaching need', [
      'references',
    ]);
  const forgotten = await forgottenOf(run);
  if (forgotten.length > 0)
    return fromRecorded(
      run,
      source,
      `${forgotten.slice(0, 3).join(', ')}${forgotten.length > 3 ? ` and ${forgotten.length - 3} more` : ''}: was forgotten since, which judging or teaching needs`,
      forgotten.some((id) => id.startsWith('reference:')) ? ['references'] : [],
    );
  const timed = plan.spec.flow.maxLag > 0 ? await sampledVersions(log) : undefined;
  const rest = { source, ...(timed && { sampledBy: (promptId: string) => timed.get(promptId) }) };
  const stages = plan.stages.map(({ name }) => name);
  const outputs = flowOrder(plan).map(({ output }) => output);
  const disagreements = plan.topics.some(({ name }) => name === 'disagreements') ? ['disagreements'] : [];
  const cluster = isSpread(run);
  // Metrics are sums in the order in which partitions were read.
  const also = [...disagreements, ...(there && !cluster ? ['metrics'] : []), 'dead-letters'];
  const why = (await wasRequeued(log))
    ? 'dead letters were put back into it'
    : !there
      ? 'the source of its prompts is gone or has changed'
      : (await documentsChanged(run))
        ? 'its documents are not those that it began with: the recorded versions were shown'
        : undefined;
  const spread = cluster ? ['it ran on a cluster: compared in the order of each key, without metrics'] : [];
  if (why === undefined) {
    const first = [...(cluster ? [] : ['source']), 'prompts', ...tables];
    return {
      ...rest,
      mode: 'source',
      notes: spread,
      stages,
      fill: async () => {},
      compared: [...first, ...outputs, ...also],
    };
  }
  return {
    ...rest,
    mode: 'prompts',
    notes: [
      ...spread,
      `${why}: executed again from the recorded prompts${there ? '' : ', the held-out prompts left out'}`,
    ],
    stages: stages.filter((name) => name !== 'ingest' && (there || name !== 'evaluate')),
    async fill(to) {
      for (const topic of ['prompts', ...tables]) await copyTopic(log, to, topic);
      await copyTopic(log, to, 'dead-letters', isOfIngest);
    },
    compared: [...outputs, ...also],
  };
}

/** Everything that is no float arithmetic of the model's, each stage from its recorded input. */
function fromRecorded(
  { manifest, plan, log }: RunFolder,
  source: PromptSource,
  why: string,
  without: readonly ResourceName[] = [],
): RepeatPlan {
  const made = flowOrder(plan, manifest.parent?.from).filter(
    (stage) => stage.definition.portable && !without.some((resource) => needs(stage, resource)),
  );
  const outputs = made.map(({ output }) => output);
  const inputs = made.map(({ input }) => input).filter((input) => !outputs.includes(input));
  return {
    mode: 'recorded',
    notes: [
      `${why}, so ${outputs.join(', ')} were made again from the recorded ${inputs.join(', ')}, and the other topics were not compared`,
    ],
    stages: made.map(({ name }) => name),
    source,
    async fill(to) {
      for (const topic of new Set([...tables, ...inputs])) await copyTopic(log, to, topic);
    },
    compared: outputs,
  };
}

function machineDifferences({ machine, versions }: Manifest, here: Machine): string[] {
  const fields: readonly [string, string | undefined, string | undefined][] = [
    ['platform', machine.platform, here.platform],
    ['vector instructions', machine.features.join(' '), here.features.join(' ')],
    ['onnxruntime-node', versions['onnxruntime-node'], programVersions()['onnxruntime-node']],
  ];
  return fields.flatMap(([field, was, is]) =>
    was === is ? [] : [`the run was made with ${field} ${was}, this machine has ${is}`],
  );
}

/** Documents that were forgotten and that the run cannot be executed again without: a verdict's reference, or what the teacher was shown. */
async function forgottenOf({ log }: RunFolder): Promise<string[]> {
  const table = await privilegedTable(log);
  const gone = new Map<string, readonly string[]>();
  for await (const { id, forgotten } of table.documents()) if (forgotten.length > 0) gone.set(id, forgotten);
  const needed = new Set([...gone.keys()].filter((id) => id.startsWith('reference:')));
  for await (const record of gone.size > 0 ? scanInOrder(log, 'teacher-scores') : []) {
    if (record.value === null) continue;
    for (const { id, version } of fromRecord('teacher-scores', { ...record, value: record.value }).documents)
      if (gone.get(id)?.includes(version)) needed.add(id);
  }
  return [...needed].sort();
}

/** Whether a document was added, changed, deleted or forgotten since the run began, or is another one at its source by now. */
async function documentsChanged({ log, plan, manifest }: RunFolder): Promise<boolean> {
  const { documents } = await documentHashes(plan);
  // Those that the run began with: its folder's manifest knows what an ingest took in since.
  const began = (await topicManifest(log)) ?? manifest;
  if (!isDeepStrictEqual(documents, began.documents)) return true;
  const table = await privilegedTable(log);
  for await (const { current, versions, forgotten } of table.documents())
    if (current === null || versions.length !== 1 || forgotten.length > 0) return true;
  return false;
}

async function checkFinished({ log, plan }: RunFolder, folder: string): Promise<void> {
  const newest = Math.max(-1, ...(await weightsOf(log)).keys());
  if (newest < stepsOf(plan.spec))
    throw new UserError(
      'unfinished',
      `${folder}: the run stands at version ${newest}, expected ${stepsOf(plan.spec)}; \`rlsd resume ${folder}\` goes on with it`,
    );
}

function isOfIngest(record: LogRecord): boolean {
  return record.value !== null && fromRecord('dead-letters', { ...record, value: record.value }).stage === 'ingest';
}

async function wasRequeued(log: TopicLog): Promise<boolean> {
  for await (const record of scanInOrder(log, 'prompts')) {
    if (record.value === null) continue;
    if (fromRecord('prompts', { ...record, value: record.value }).source.startsWith('dead-letter:')) return true;
  }
  return false;
}
