import { isDeepStrictEqual } from 'node:util';
import type { Sources } from '../../pipelines/feeds/sources.js';
import { flowOrder, needs, type Plan, type PlanStage } from '../../pipelines/plan/plan.js';
import { documentHashes } from '../../pipelines/running/context.js';
import type { ResourceName } from '../../pipelines/stages/resources.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { type Manifest, topicManifest } from '../../runs/manifest/manifest.js';
import { type Machine, programVersions } from '../../runs/manifest/program-hash.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { recordIn } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';
import { isSpread, sourceOf, tables } from '../recorded.js';
import { copyTopic, sampledVersions } from '../topics.js';

/** What of a run is repeated. */
export type RepeatMode =
  /** Everything, starting at the source of the prompts. */
  | 'source'
  /** Everything, starting at the recorded prompts. */
  | 'prompts'
  /** Only what does not depend on the processor, each stage from its recorded input. */
  | 'recorded';

/** How a run can be repeated on this machine. */
export interface RepeatPlan {
  readonly mode: RepeatMode;
  /** Why not everything is repeated. */
  readonly notes: readonly string[];
  readonly stages: readonly string[];
  readonly source: Sources;
  readonly fill: (log: TopicLog) => Promise<void>;
  readonly sampledBy?: (promptId: string) => number | undefined;
  /** Topics to compare, in the order of the flow. */
  readonly compared: readonly string[];
}

/** Decides how much of a run can be repeated on a machine. */
export async function planRepeat(run: RunFolder, machine: Machine): Promise<RepeatPlan> {
  const { plan, log } = run;
  const { source, unchanged } = await sourceOf(run);
  const limit = await limitOf(run, machine);
  if (limit) return repeatRecorded(run, source, limit);
  const timed = plan.spec.flow.maxLag > 0 ? await sampledVersions(log) : undefined;
  const shared = { source, ...(timed && { sampledBy: (promptId: string) => timed.get(promptId) }) };
  const stages = plan.stages.map(({ name }) => name);
  const cluster = isSpread(run);
  const notes = cluster ? ['the run is from a cluster: compared in the order of each key, without metrics'] : [];
  const disagreements = plan.topics.some(({ name }) => name === 'disagreements') ? ['disagreements'] : [];
  // Metrics are sums, whose rounding depends on the order in which partitions were read.
  const evaluations = plan.topics.some(({ name }) => name === 'evaluations') ? ['evaluations'] : [];
  const metrics = unchanged && !cluster ? ['metrics', ...evaluations] : [];
  const made = [...flowOrder(plan).map(({ output }) => output), ...disagreements, ...metrics, 'dead-letters'];
  const why = await whyNotFromSource(run, unchanged);
  if (why === undefined) {
    const inputs = [...(cluster ? [] : ['source']), 'prompts', ...tables];
    return { ...shared, mode: 'source', notes, stages, fill: async () => {}, compared: [...inputs, ...made] };
  }
  const unevaluated = unchanged ? '' : ', without evaluating the held-out prompts';
  return {
    ...shared,
    mode: 'prompts',
    notes: [...notes, `${why}: repeated from the recorded prompts${unevaluated}`],
    stages: plan.stages.filter((stage) => !needsSource(stage, unchanged)).map(({ name }) => name),
    async fill(to) {
      for (const topic of ['prompts', ...tables]) await copyTopic(log, to, topic);
      await copyTopic(log, to, 'dead-letters', isFromIngest);
    },
    compared: made,
  };
}

/** Whether a stage reads the source of the prompts: to write them, or the held-out ones where they have changed. */
const needsSource = (stage: PlanStage, unchanged: boolean): boolean =>
  needs(stage, 'source') && (stage.input === 'source' || !unchanged);

/** Why the model cannot be run again, and which stages cannot either. */
interface Limit {
  readonly why: string;
  readonly missing: readonly ResourceName[];
}

async function limitOf(run: RunFolder, machine: Machine): Promise<Limit | undefined> {
  const { manifest } = run;
  const others = machineDifferences(manifest, machine);
  if (others.length > 0)
    return { why: `${others.join('; ')}: the model's float results may differ in their bits here`, missing: [] };
  if (manifest.bundle?.privileged === false)
    return {
      why: 'the run was exported without its privileged content, which judging and scoring need',
      missing: ['references'],
    };
  const forgotten = await forgottenDocuments(run);
  if (forgotten.length === 0) return undefined;
  const more = forgotten.length > 3 ? ` and ${forgotten.length - 3} more` : '';
  const verb = forgotten.length === 1 ? 'was' : 'were';
  return {
    why:
      `${forgotten.slice(0, 3).join(', ')}${more}: ${verb} forgotten, and judging or scoring needs ` +
      `${forgotten.length === 1 ? 'it' : 'them'}`,
    missing: forgotten.some((id) => id.startsWith('reference:')) ? ['references'] : [],
  };
}

/** Why a repetition has to start at the recorded prompts instead of their source. */
async function whyNotFromSource(run: RunFolder, unchanged: boolean): Promise<string | undefined> {
  if (await wasRequeued(run.log)) return 'dead letters were requeued';
  if (!unchanged) return 'the source of the prompts is missing or has changed';
  if (await documentsChanged(run))
    return 'its documents have changed since the run began, and each step was shown the recorded versions';
  return undefined;
}

/** Repeats only the stages that are portable, each from its recorded input. */
function repeatRecorded({ manifest, plan, log }: RunFolder, source: Sources, { why, missing }: Limit): RepeatPlan {
  const repeated = flowOrder(plan, manifest.parent?.from).filter(
    (stage) => stage.definition.portable && !missing.some((resource) => needs(stage, resource)),
  );
  const outputs = repeated.map(({ output }) => output);
  const inputs = repeated.map(({ input }) => input).filter((input) => !outputs.includes(input));
  return {
    mode: 'recorded',
    notes: [
      `${why}; repeated ${outputs.join(', ')} from the recorded ${inputs.join(', ')}, and did not compare the ` +
        'other topics',
    ],
    stages: repeated.map(({ name }) => name),
    source,
    async fill(to) {
      for (const topic of new Set([...tables, ...inputs])) await copyTopic(log, to, topic);
    },
    compared: outputs,
  };
}

/** What of a machine decides float results, and differs from the recorded one. */
export function machineDifferences({ machine, versions }: Manifest, here: Machine): string[] {
  const fields: readonly [string, string | undefined, string | undefined][] = [
    ['platform', machine.platform, here.platform],
    ['vector instructions', machine.features.join(' '), here.features.join(' ')],
    ['onnxruntime-node', versions['onnxruntime-node'], programVersions()['onnxruntime-node']],
  ];
  return fields.flatMap(([field, was, is]) =>
    was === is ? [] : [`the run was made with ${field} ${was}, this machine has ${is}`],
  );
}

/** Whether the run has privileged context; one that only measures the model has none. */
const hasDocuments = ({ topics }: Plan): boolean => topics.some(({ name }) => name === 'privileged');

/** Forgotten documents that the run cannot be repeated without: references, and what the teacher was shown. */
async function forgottenDocuments({ log, plan }: RunFolder): Promise<string[]> {
  if (!hasDocuments(plan)) return [];
  const table = await privilegedTable(log);
  const gone = new Map<string, readonly string[]>();
  for await (const { id, forgotten } of table.documents()) if (forgotten.length > 0) gone.set(id, forgotten);
  if (gone.size === 0) return [];
  const needed = new Set([...gone.keys()].filter((id) => id.startsWith('reference:')));
  for await (const { documents } of recordsOf(log, 'teacher-scores'))
    for (const { id, version } of documents) if (gone.get(id)?.includes(version)) needed.add(id);
  return [...needed].sort();
}

/** Whether a document was added, changed, deleted or forgotten since the run began, here or at its source. */
async function documentsChanged({ log, plan, manifest }: RunFolder): Promise<boolean> {
  if (!hasDocuments(plan)) return false;
  const { documents } = await documentHashes(plan);
  // The topic has the documents that the run began with; the manifest in the folder also lists those ingested later.
  const began = (await topicManifest(log)) ?? manifest;
  if (!isDeepStrictEqual(documents, began.documents)) return true;
  const table = await privilegedTable(log);
  for await (const { current, versions, forgotten } of table.documents())
    if (current === null || versions.length !== 1 || forgotten.length > 0) return true;
  return false;
}

const isFromIngest = (record: LogRecord): boolean => recordIn('dead-letters', record)?.stage === 'ingest';

async function wasRequeued(log: TopicLog): Promise<boolean> {
  for await (const { source } of recordsOf(log, 'prompts')) if (source.startsWith('dead-letter:')) return true;
  return false;
}
