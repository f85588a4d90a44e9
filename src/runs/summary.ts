import { resolve } from 'node:path';
import { isShared, stagesWith } from '../pipelines/plan/plan.js';
import { contextOf } from '../pipelines/running/context.js';
import { furtherLearners, MAIN_LEARNER } from '../pipelines/spec/learners.js';
import { evaluateStage } from '../pipelines/stages/evaluate.js';
import { ingestCounts } from '../privileged/sources/ingest.js';
import type { Metric } from '../records/records.js';
import { get, required } from '../support/required.js';
import type { TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { countRecords, scan } from '../topics/scan.js';
import type { OpenRun } from './open/opening.js';
import type { HeldOutAccuracy, Judged, Learned, Summary } from './options.js';
import { lastWeights } from './weights/publisher.js';

/** Number of samples in the topics, without gap markers. */
async function countSamples(log: TopicLog, topics: readonly string[]): Promise<number> {
  let count = 0;
  for (const topic of topics) count += await countRecords(log, topic, ({ value }) => value !== null);
  return count;
}

export async function summarize(run: OpenRun, seconds: number): Promise<Summary> {
  const { plan, folder, manifest, log, learners, reads } = run;
  const main = await learnedBy(run, MAIN_LEARNER);
  const further: Record<string, Learned> = {};
  for (const learner of furtherLearners(plan.spec))
    if (learners.has(learner)) further[learner] = await learnedBy(run, learner);
  const records: Record<string, number> = {};
  for (const { name } of plan.topics)
    if (reads.has(name) && !isShared(name)) records[name] = await countRecords(log, name);
  const { context } = get(learners, MAIN_LEARNER).resources;
  const ingested = contextOf(plan.spec).sources.length > 0 ? context?.ingested : undefined;
  const trained = stagesWith(plan, 'trainer').map(({ input }) => input);
  return {
    run: manifest.run,
    folder,
    steps: main.weights.version,
    seconds,
    ...main,
    ...(Object.keys(further).length > 0 && { learners: further }),
    records,
    ...(ingested && { documents: ingestCounts(ingested) }),
    judged: trained.length > 0 ? null : await judgedOf(run),
    samples: trained.length > 0 && trained.every((topic) => reads.has(topic)) ? await countSamples(log, trained) : null,
  };
}

async function learnedBy(run: OpenRun, learner: string): Promise<Learned> {
  const { version, digest } = required(await lastWeights(run.log, learner), `weights of learner '${learner}'`);
  const { versions } = get(run.learners, learner);
  return {
    heldOut: await heldOutOf(run, version, learner),
    weights: { version, digest, path: resolve(await versions.folderOf(version)) },
  };
}

/** Held-out accuracy of the base model and of one version. */
async function heldOutOf({ plan, log, reads }: OpenRun, version: number, learner: string): Promise<Learned['heldOut']> {
  const stages = plan.stages.filter((stage) => stage.definition === evaluateStage && stage.learner === learner);
  const measured = new Map<number, Metric['values']>();
  for await (const record of reads.has('metrics') ? scan(log, 'metrics', 0) : []) {
    if (record.value === null) continue;
    const { stage, step, values } = fromRecord('metrics', { ...record, value: record.value });
    if (stages.some(({ name }) => name === stage)) measured.set(step, values);
  }
  const accuracy = (suffix: string): HeldOutAccuracy => ({
    before: measured.get(0)?.[`accuracy${suffix}`] ?? null,
    after: measured.get(version)?.[`accuracy${suffix}`] ?? null,
    n: measured.get(version)?.[`n${suffix}`] ?? 0,
  });
  const { tasks } = plan.spec;
  if (!tasks) return accuracy('');
  return { ...accuracy(''), tasks: Object.fromEntries(Object.keys(tasks).map((name) => [name, accuracy(`/${name}`)])) };
}

/** Samples written by the last stage of a run without a learner. */
async function judgedOf({ plan, log, reads }: OpenRun): Promise<Judged | null> {
  const last = plan.stages.filter(({ outputType }) => outputType === 'verdicts' || outputType === 'advantages').at(-1);
  if (!last || !reads.has(last.output)) return null;
  const type = last.outputType === 'advantages' ? 'advantages' : 'verdicts';
  const prompts = new Set<string>();
  let [samples, correct, reward] = [0, 0, 0];
  const partitions = (await log.describe()).find(({ name }) => name === last.output)?.bounds ?? [];
  for (const partition of partitions.keys())
    for await (const record of scan(log, last.output, partition)) {
      if (record.value === null) continue;
      const judged = fromRecord(type, { ...record, value: record.value });
      prompts.add(judged.promptId);
      samples++;
      reward += judged.reward;
      if (judged.verdict === 'correct') correct++;
    }
  const mean = samples > 0 ? reward / samples : null;
  return { topic: last.output, prompts: prompts.size, samples, correct, reward: mean };
}
