export { type PipelineBuilder, type PipelineObjects, pipeline } from './plan/builder.js';
export { checkPlan } from './plan/check.js';
export type { Components } from './plan/components.js';
export { drawGraph, type GraphFormat, graphFormats } from './plan/graph.js';
export {
  type Plan,
  type PlanStage,
  planOf,
  type StageDefinition,
} from './plan/plan.js';
export { checkSpec, readSpec } from './spec/parse.js';
export { type PipelineInput, type PipelineSpec, pipelineJsonSchema } from './spec/spec.js';
