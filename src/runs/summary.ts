import { join, resolve } from 'node:path';
import { modelDigest, readConfig, weightPlaces } from '../models/folder.js';
import { readAdapter } from '../models/lora/folder.js';
import { equalAdapters } from '../models/lora/lora.js';
import { equalTensors } from '../models/weights/weight-values.js';
import { baseFolder } from '../pipelines/plan/model.js';
import { isShared, stagesWith } from '../pipelines/plan/plan.js';
import { contextOf } from '../pipelines/running/context.js';
import { furtherLearners, MAIN_LEARNER } from '../pipelines/spec/learners.js';
import { evaluateStage } from '../pipelines/stages/evaluate.js';
import { learnStage } from '../pipelines/stages/learn.js';
import { ingestCounts } from '../privileged/sources/ingest.js';
import type { Weights } from '../records/records.js';
import { UserError } from '../support/errors.js';
import { get, required } from '../support/required.js';
import type { TopicLog } from '../topics/log.js';
import { gapOf, recordIn } from '../topics/record-codec.js';
import { countRecords, scan } from '../topics/scan.js';
import { type MetricRow, readMetrics } from './metrics/read.js';
import type { OpenRun } from './open/opening.js';
import type { HeldOutAccuracy, Judged, Learned, Signal, Summary } from './options.js';
import { judgedCounts, rewardOf, signalOf } from './signal.js';
import { lastWeights } from './weights/publisher.js';

/** Number of samples in the topics, without gap markers. */
async function countSamples(log: TopicLog, topics: readonly string[]): Promise<number> {
  let count = 0;
  for (const topic of topics) count += await countRecords(log, topic, ({ value }) => value !== null);
  return count;
}

export async function summarize(run: OpenRun, seconds: number): Promise<Summary> {
  const { plan, folder, manifest, log, learners, reads } = run;
  const metrics = reads.has('metrics') ? await readMetrics(log) : [];
  const main = await learnedBy(run, metrics, MAIN_LEARNER);
  const further: Record<string, Learned> = {};
  for (const learner of furtherLearners(plan.spec))
    if (learners.has(learner)) further[learner] = await learnedBy(run, metrics, learner);
  const records: Record<string, number> = {};
  for (const { name } of plan.topics)
    if (reads.has(name) && !isShared(name)) records[name] = await countRecords(log, name);
  const { context } = get(learners, MAIN_LEARNER).resources;
  const ingested = contextOf(plan.spec).sources.length > 0 ? context?.ingested : undefined;
  const trained = stagesWith(plan, 'trainer').map(({ input }) => input);
  const judged = trained.length > 0 ? null : await judgedOf(run);
  return {
    run: manifest.run,
    folder,
    steps: main.weights.version,
    seconds,
    ...main,
    ...(judged && { signal: judged.signal }),
    ...(Object.keys(further).length > 0 && { learners: further }),
    records,
    ...(ingested && { documents: ingestCounts(ingested) }),
    judged: judged?.judged ?? null,
    samples: trained.length > 0 && trained.every((topic) => reads.has(topic)) ? await countSamples(log, trained) : null,
  };
}

async function learnedBy(run: OpenRun, metrics: readonly MetricRow[], learner: string): Promise<Learned> {
  const { plan } = run;
  const last = required(await lastWeights(run.log, learner), `weights of learner '${learner}'`);
  const path = resolve(await folderOfWeights(run, last, learner));
  const madeBy = (definition: unknown) => {
    const stages = plan.stages.filter((stage) => stage.definition === definition && stage.learner === learner);
    return metrics.filter(({ stage }) => stages.some(({ name }) => name === stage));
  };
  const steps = madeBy(learnStage);
  return {
    heldOut: heldOutOf(run, madeBy(evaluateStage), last.version),
    weights: { version: last.version, digest: last.digest, path },
    reward: rewardOf(plan.spec, steps),
    signal: signalOf(steps, () => isChanged(run, last, path)),
  };
}

/** Checked against their record, but for a replay without training, which has the recorded run's records alone. */
async function folderOfWeights(run: OpenRun, { version, location }: Weights, learner: string): Promise<string> {
  if (run.recorded?.until === null && location !== null) return join(run.folder, location);
  return get(run.learners, learner).versions.folderOf(version);
}

/** Held-out accuracy of the base model and of one version. */
function heldOutOf({ plan }: OpenRun, metrics: readonly MetricRow[], version: number): Learned['heldOut'] {
  const measured = new Map(metrics.map(({ step, values }) => [step, values]));
  const accuracy = (suffix: string): HeldOutAccuracy => ({
    before: measured.get(0)?.[`accuracy${suffix}`] ?? null,
    after: measured.get(version)?.[`accuracy${suffix}`] ?? null,
    n: measured.get(version)?.[`n${suffix}`] ?? 0,
  });
  const { tasks } = plan.spec;
  if (!tasks) return accuracy('');
  return { ...accuracy(''), tasks: Object.fromEntries(Object.keys(tasks).map((name) => [name, accuracy(`/${name}`)])) };
}

/** Samples written by the last stage of a run without a learner, and what they could teach. */
async function judgedOf({ plan, log, reads }: OpenRun): Promise<{ judged: Judged; signal: Signal } | null> {
  const last = plan.stages.filter(({ outputType }) => outputType === 'verdicts' || outputType === 'advantages').at(-1);
  if (!last || !reads.has(last.output)) return null;
  const type = last.outputType === 'advantages' ? 'advantages' : 'verdicts';
  const counts = judgedCounts();
  const partitions = (await log.describe()).find(({ name }) => name === last.output)?.bounds ?? [];
  for (const partition of partitions.keys())
    for await (const record of scan(log, last.output, partition)) {
      const gap = gapOf(record);
      const sample = recordIn(type, record);
      if (gap) counts.lose(gap, plan.spec.rollout?.group ?? 1);
      else if (sample) counts.take(sample);
    }
  const { correct, reward, signal } = counts.result();
  const { groups: prompts, samples } = signal;
  return { judged: { topic: last.output, prompts, samples, correct, reward }, signal };
}

/** Whether training has changed any weight. Another type or layout of the same numbers is no change. */
function isChanged({ plan, files }: OpenRun, last: Weights, path: string): boolean {
  if (last.version === 0) return false;
  const adapter = files.adapter?.();
  if (adapter) return !equalAdapters(readAdapter(path, readConfig(baseFolder(plan.spec, plan.folder))), adapter);
  try {
    return !equalTensors(weightPlaces(path), weightPlaces(baseFolder(plan.spec, plan.folder)));
  } catch (error) {
    // An engine of one's own may keep weights in another form, in which only their digests can be compared.
    if (!(error instanceof UserError)) throw error;
    return last.digest !== modelDigest(baseFolder(plan.spec, plan.folder));
  }
}
