import type { Plan } from '../../pipelines/plan/plan.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';

/** How far a stage is behind the end of its topic. */
export interface StageLag {
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
  readonly committed: bigint;
  readonly end: bigint;
  readonly lag: number;
}

/** The lag of each stage of a plan that reads a topic, partition by partition. */
export async function stageLag(plan: Plan, log: TopicLog): Promise<StageLag[]> {
  const bounds = new Map((await log.describe()).map((topic) => [topic.name, topic.bounds]));
  const readers = plan.stages.filter(({ inputType }) => inputType !== undefined);
  const rows = readers.map(async ({ name: stage, input: topic }) => {
    const committed = await log.committed(stage, topic);
    const rows = committed.map(async ({ partition, offset }) => {
      const end = bounds.get(topic)?.[partition]?.end ?? offset;
      return { stage, topic, partition, committed: offset, end, lag: await behind(log, topic, partition, offset, end) };
    });
    return Promise.all(rows);
  });
  return (await Promise.all(rows)).flat();
}

/**
 * On Kafka, transaction markers occupy offsets too, so a group that has read everything may be short of the end. Only
 * processes that may read the topic can tell.
 */
async function behind(log: TopicLog, topic: string, partition: number, from: bigint, end: bigint): Promise<number> {
  if (end <= from) return 0;
  const left = await log.read(topic, partition, from, 1).catch((error) => {
    if (!(error instanceof UserError) || error.code !== 'kafka-denied') throw error;
  });
  return left?.length === 0 ? 0 : Number(end - from);
}

/** Resolves once a group has committed all of a topic; polls at a fixed interval in milliseconds. */
export async function drained(log: TopicLog, group: string, topic: string, every: number): Promise<void> {
  for (;;) {
    const bounds = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
    const committed = await log.committed(group, topic);
    const left = committed.map(({ partition, offset }) =>
      behind(log, topic, partition, offset, bounds[partition]?.end ?? 0n),
    );
    if ((await Promise.all(left)).every((lag) => lag === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** The lag of a plan's stages; queries a server at most every two seconds. */
export function recentLag(plan: Plan, log: TopicLog): () => Promise<StageLag[]> {
  const every = plan.store.traits.location === 'folder' ? 0 : 2000;
  let at = Number.NEGATIVE_INFINITY;
  let rows: Promise<StageLag[]> = Promise.resolve([]);
  return () => {
    if (performance.now() - at >= every) {
      at = performance.now();
      rows = stageLag(plan, log);
    }
    return rows;
  };
}

/** Lag in records, summed over the partitions of each stage. */
export function lagByStage(rows: readonly StageLag[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { stage, lag } of rows) sums[stage] = (sums[stage] ?? 0) + lag;
  return sums;
}
