export { type PipelineBuilder, type PipelineObjects, pipeline } from './builder.js';
export { checkPlan } from './check.js';
export type { Components } from './components.js';
export { drawGraph, type GraphFormat, graphFormats } from './graph.js';
export { checkSpec, readSpec } from './parse.js';
export {
  type Plan,
  type PlanStage,
  planOf,
  type StageDefinition,
} from './plan.js';
export { type PipelineInput, type PipelineSpec, pipelineJsonSchema } from './spec.js';
