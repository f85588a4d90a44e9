import { promptsPerStep, rolloutOf } from './sections.js';
import type { PipelineSpec } from './spec.js';

/** Prompts in flight in one stage. */
export const promptCredit = (spec: PipelineSpec): number =>
  spec.flow.credit ?? 2 * promptsPerStep(spec) * (spec.flow.maxLag + 1);

/** Samples in flight in one stage. */
export const sampleCredit = (spec: PipelineSpec): number => promptCredit(spec) * rolloutOf(spec).group;

/** Records that the learner may have read and not committed: a step's samples for each version that may overlap. */
export const learnerCredit = (spec: PipelineSpec): number => {
  const { flow, publish } = spec;
  const samplesPerStep = promptsPerStep(spec) * rolloutOf(spec).group;
  return Math.max(sampleCredit(spec), samplesPerStep * (flow.maxLag + publish.every + 1));
};
