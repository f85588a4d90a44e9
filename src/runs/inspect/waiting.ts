import { type Plan, stagesWith } from '../../pipelines/plan/plan.js';
import { stepsOf } from '../../pipelines/spec/sections.js';
import type { TopicLog } from '../../topics/log.js';
import { headerPlace } from '../../topics/record-codec.js';
import { lastRecord } from '../../topics/scan.js';
import { lastWeights } from '../weights/publisher.js';
import type { StageLag } from './lag.js';

/** The first record that a stage has not finished. */
export interface NextRecord {
  readonly key: string;
  readonly step: number | null;
  readonly sample: number | null;
  /** When the log took it: milliseconds since the epoch. */
  readonly since: number;
}

/** Where a run is, according to its topics. */
export interface RunPlace {
  /** The newest version of the weights; null before the first. */
  readonly version: number | null;
  /** Steps of the run; null without training. */
  readonly steps: number | null;
  /** When the newest record was written; null without any. */
  readonly newest: number | null;
  /** By stage and partition, in the order of the rows; null where the stage has finished all there is. */
  readonly next: readonly (NextRecord | null)[];
}

export async function runPlace(plan: Plan, log: TopicLog, rows: readonly StageLag[]): Promise<RunPlace> {
  const trained = stagesWith(plan, 'trainer').length > 0;
  return {
    version: (await lastWeights(log))?.version ?? null,
    steps: trained ? stepsOf(plan.spec) : null,
    newest: await newestTime(plan, log),
    next: await Promise.all(rows.map((row) => nextRecord(log, row))),
  };
}

async function nextRecord(log: TopicLog, { topic, partition, committed, lag }: StageLag): Promise<NextRecord | null> {
  if (lag === 0) return null;
  const [record] = await log.read(topic, partition, committed, 1);
  if (!record) return null;
  const place = headerPlace(record);
  return { key: record.key, step: place?.step ?? null, sample: place?.sampleIndex ?? null, since: record.timestamp };
}

async function newestTime({ stages }: Plan, log: TopicLog): Promise<number | null> {
  const outputs = new Set(stages.map(({ output }) => output));
  let newest: number | null = null;
  for (const { name, bounds } of await log.describe()) {
    if (!outputs.has(name)) continue;
    for (const partition of bounds.keys()) {
      const time = (await lastRecord(log, name, partition))?.timestamp;
      if (time !== undefined) newest = Math.max(newest ?? time, time);
    }
  }
  return newest;
}

/**
 * What the run waits for, in lines.
 * @param now milliseconds since the epoch
 */
export function placeLines(rows: readonly StageLag[], place: RunPlace, now: number): string[] {
  const { version, steps, newest, next } = place;
  const lines: string[] = [];
  const isFinished = steps !== null && version !== null && version >= steps;
  if (steps !== null) lines.push(`version ${version ?? 'none'} of ${steps} is published`);
  if (newest !== null)
    lines.push(`the newest record was written ${ago(now - newest)} ago, at ${new Date(newest).toISOString()}`);
  for (const [i, { stage }] of rows.entries()) {
    const found = next[i];
    if (!found) continue;
    const step = found.step === null ? '' : `step ${found.step}, `;
    const sample = found.sample === null ? '' : `, sample ${found.sample}`;
    lines.push(`${stage} has yet to finish ${step}${found.key}${sample}, there for ${ago(now - found.since)}`);
  }
  if (next.every((one) => one === null) && !isFinished && steps !== null)
    lines.push(
      `no stage has anything to read: the samples of step ${version ?? 0} did not all arrive, or are being made`,
    );
  return lines;
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
