import type { TopicLog } from '../topics/log.js';
import type { Plan } from './plan.js';

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
  const readers = plan.stages.filter(({ does }) => does !== 'ingest');
  const rows = readers.map(async ({ name: stage, input: topic }) => {
    const committed = await log.committed(stage, topic);
    return committed.map(({ partition, offset }) => {
      const end = bounds.get(topic)?.[partition]?.end ?? offset;
      return { stage, topic, partition, committed: offset, end, lag: Number(end - offset) };
    });
  });
  return (await Promise.all(rows)).flat();
}

/** Records behind, summed over the partitions of each stage. */
export function lagByStage(rows: readonly StageLag[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { stage, lag } of rows) sums[stage] = (sums[stage] ?? 0) + lag;
  return sums;
}
