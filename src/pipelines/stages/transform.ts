import type { GroupTopic, Transform } from '../../operators/transform.js';
import { transformStage as runtimeStage } from '../../runtime/transform-stage.js';
import { overlapCredit, sampleCredit } from '../running/credit.js';
import { promptsPerStep } from '../spec/sections.js';
import { defineRecordStage, type StageDefinition } from './definition.js';

/** The stage of a user's operator. */
export const transformStage = <T extends GroupTopic>(transform: Transform<T>, spreads: boolean): StageDefinition =>
  defineRecordStage<T, T, never>({
    name: 'transform',
    summary: `Runs ${transform.name} on the records of ${transform.topic}.`,
    isPartOf: () => true,
    output: transform.topic,
    spreads,
    portable: true,
    decidedBy: [`transform.${transform.topic}`],
    needs: [],
    build: ({ plan: { spec }, stage: { name, input, output } }) =>
      runtimeStage({
        ...{ transform, name, inputTopic: input, outputTopic: output },
        credit: transform.unit === 'step' ? overlapCredit(spec) : sampleCredit(spec),
        prompts: promptsPerStep(spec),
      }),
  });
