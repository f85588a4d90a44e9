export { type BindOptions, bindEngine, defineEngine } from './bind.js';
export { drawToken } from './draw.js';
export {
  type Capabilities,
  type Engine,
  type EngineBehavior,
  type EngineContext,
  type EngineDefinition,
  type EngineNeeds,
  lacking,
  type ModelOptions,
  type OpenedTrainable,
  type TrainableOptions,
} from './engine.js';
export { type EngineInput, type EngineModule, type EngineSpec, loadEngine, registeredEngine } from './engine-spec.js';
export { onnxDefinition } from './onnx/engine.js';
export { createOnnxPolicy, type OnnxPolicyOptions } from './onnx/policy.js';
export { openaiDefinition } from './openai/engine.js';
export type { Completion, Policy, SampleRequest, Sampling, ScoreRequest, TopScores } from './policy.js';
export { engines } from './registry.js';
export { vllmDefinition } from './vllm/engine.js';
