export { checkPlan } from './check.js';
export { drawGraph, type GraphFormat, graphFormats } from './graph.js';
export { checkSpec, readSpec } from './parse.js';
export {
  type GroupTopic,
  type PipelineBuilder,
  type Plan,
  type PlanStage,
  pipeline,
  planOf,
  type StageName,
  type Through,
} from './plan.js';
export { type PipelineInput, type PipelineSpec, pipelineJsonSchema } from './spec.js';
