import { sampleCredit } from '../credit.js';
import { throughOperator } from '../through-operator.js';
import { defineRecordStage, type GroupTopic, type StageDefinition, type Through } from './definition.js';

/** The stage of a user's operator. */
export const transformStage = <T extends GroupTopic>(transform: Through<T>, spreads: boolean): StageDefinition =>
  defineRecordStage<T, T, never>({
    name: 'transform',
    summary: `Runs ${transform.name} on the records of ${transform.topic}.`,
    isPartOf: () => true,
    output: transform.topic,
    spreads,
    portable: true,
    decidedBy: [`through.${transform.topic}`],
    needs: [],
    build: ({ plan: { spec } }) => ({
      input: transform.topic,
      output: transform.topic,
      unit: 'record',
      operator: () => throughOperator(transform),
      credit: sampleCredit(spec),
      concurrency: 1,
    }),
  });
