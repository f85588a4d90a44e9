import { promptsPerStep, rolloutOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';

/** Prompts in flight in one stage. */
export const promptCredit = (spec: PipelineSpec): number =>
  spec.flow.credit ?? 2 * promptsPerStep(spec) * (spec.flow.maxLag + 1);

/** Samples in flight in one stage. */
export const sampleCredit = (spec: PipelineSpec): number => promptCredit(spec) * rolloutOf(spec).group;

/** Samples in flight in a stage that works on whole steps: those of each step that may overlap. */
export const overlapCredit = (spec: PipelineSpec): number => {
  const { flow, publish } = spec;
  const samplesPerStep = promptsPerStep(spec) * rolloutOf(spec).group;
  return Math.max(sampleCredit(spec), samplesPerStep * (flow.maxLag + publish.every + 1));
};
