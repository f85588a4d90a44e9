import { type GroupTopic, type Transform, transformUnit } from '../operators/transform.js';
import type { TopicLog } from '../topics/log.js';
import { headerPlace } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import type { Stage, StageEnvironment } from './stage.js';

export interface TransformStageSettings<T extends GroupTopic> {
  readonly transform: Transform<T>;
  /** Name of the stage. */
  readonly name: string;
  readonly inputTopic: string;
  readonly outputTopic: string;
  /** Records that may be read and not yet committed. For unit `step`, those of all steps that may overlap. */
  readonly credit: number;
  /** Prompts per training step, for unit `step`. */
  readonly prompts: number;
}

/**
 * The stage of a user's operator. A unit `step` needs an input topic of one partition, and one owner sees all of it.
 */
export function transformStage<T extends GroupTopic>(settings: TransformStageSettings<T>): Stage<T, T> {
  const { transform, name, inputTopic, outputTopic, credit, prompts } = settings;
  const { topic, unit } = transform;
  const stage: Stage<T, T> = {
    ...{ name, inputTopic, outputTopic, credit, unit },
    input: topic,
    output: topic,
    concurrency: 1,
    operator: (side) => transformUnit(transform, side.reject),
  };
  if (unit !== 'step') return stage;
  const past = new Set<number>();
  return {
    ...stage,
    steps: { prompts, unitOf: (step) => step, isPast: (step) => past.has(step), mayStart: () => true },
    async begin({ log }: StageEnvironment) {
      for (const step of await stepsIn(log, outputTopic)) past.add(step);
    },
  };
}

/** The steps that a topic has. All of a step is written in one transaction, so what is there is complete. */
async function stepsIn(log: TopicLog, topic: string): Promise<ReadonlySet<number>> {
  const steps = new Set<number>();
  const partitions = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  for (const partition of partitions.keys())
    for await (const record of scan(log, topic, partition)) {
      const place = headerPlace(record);
      if (place) steps.add(place.step);
    }
  return steps;
}
