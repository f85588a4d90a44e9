export { createOnnxPolicy, type OnnxPolicyOptions } from './onnx/policy.js';
export type { Completion, Policy, SampleRequest, Sampling, ScoreRequest } from './policy.js';
