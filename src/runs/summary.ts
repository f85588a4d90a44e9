import { resolve } from 'node:path';
import { isShared, stagesWith } from '../pipelines/plan.js';
import type { TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { countRecords, scan } from '../topics/scan.js';
import type { OpenRun } from './opening.js';
import type { Summary } from './options.js';
import { lastWeights } from './weights/publisher.js';

/** Samples in the topics, without the gaps. */
async function countSamples(log: TopicLog, topics: readonly string[]): Promise<number> {
  let count = 0;
  for (const topic of topics) count += await countRecords(log, topic, ({ value }) => value !== null);
  return count;
}

export async function summarize(
  { plan, folder, manifest, log, versions, reads }: OpenRun,
  seconds: number,
): Promise<Summary> {
  const accuracies = new Map<number, { accuracy: number; n: number }>();
  for await (const record of reads.has('metrics') ? scan(log, 'metrics', 0) : []) {
    if (record.value === null) continue;
    const metric = fromRecord('metrics', { ...record, value: record.value });
    if (metric.stage === 'evaluate')
      accuracies.set(metric.step, { accuracy: metric.values.accuracy ?? 0, n: metric.values.n ?? 0 });
  }
  const last = await lastWeights(log);
  const version = last?.version ?? 0;
  const records: Record<string, number> = {};
  for (const { name } of plan.topics)
    if (reads.has(name) && !isShared(name)) records[name] = await countRecords(log, name);
  const trained = stagesWith(plan, 'trainer').map(({ input }) => input);
  return {
    run: manifest.run,
    folder,
    steps: version,
    seconds,
    heldOut: {
      before: accuracies.get(0)?.accuracy ?? null,
      after: accuracies.get(version)?.accuracy ?? null,
      n: accuracies.get(version)?.n ?? 0,
    },
    weights: { version, digest: last?.digest ?? '', path: resolve(await versions.folderOf(version)) },
    records,
    samples: trained.every((topic) => reads.has(topic)) ? await countSamples(log, trained) : null,
  };
}
