import type { PipelineSpec } from './spec.js';

/** Prompts in flight in one stage. */
export const promptCredit = ({ flow, learn }: PipelineSpec): number =>
  flow.credit ?? 2 * learn.prompts * (flow.maxLag + 1);

/** Samples in flight in one stage. */
export const sampleCredit = (spec: PipelineSpec): number => promptCredit(spec) * spec.rollout.group;

/** Records that the learner may have read and not committed: a step's samples for each version that may overlap. */
export const learnerCredit = (spec: PipelineSpec): number => {
  const { learn, rollout, flow, publish } = spec;
  return Math.max(sampleCredit(spec), learn.prompts * rollout.group * (flow.maxLag + publish.every + 1));
};
