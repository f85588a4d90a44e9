import { resolve } from 'node:path';
import { isShared, type Plan } from '../pipelines/plan.js';
import { fromRecord } from '../topics/record-codec.js';
import { countRecords, scan } from '../topics/scan.js';
import type { OpenRun } from './drive.js';
import { lastWeights } from './weights/publisher.js';

export interface Summary {
  readonly run: string;
  readonly folder: string;
  readonly steps: number;
  readonly seconds: number;
  readonly heldOut: { readonly before: number | null; readonly after: number | null; readonly n: number };
  readonly weights: { readonly version: number; readonly digest: string; readonly path: string };
  readonly records: Readonly<Record<string, number>>;
  /** Samples that came to the learner rather than to the dead letters; null where this process does not read them. */
  readonly samples: number | null;
}

export async function summarize(
  { manifest, log, resources, reads }: OpenRun,
  { topics, stages }: Plan,
  folder: string,
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
  for (const { name } of topics) if (reads.has(name) && !isShared(name)) records[name] = await countRecords(log, name);
  const learnt = stages.find(({ does }) => does === 'learn')?.input ?? '';
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
    weights: { version, digest: last?.digest ?? '', path: resolve(await resources.versions.folderOf(version)) },
    records,
    samples: reads.has(learnt) ? await countRecords(log, learnt, ({ value }) => value !== null) : null,
  };
}
