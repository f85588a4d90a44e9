import { onnxDefinition } from './onnx/engine.js';
import { openaiDefinition } from './openai/engine.js';
import { vllmDefinition } from './vllm/engine.js';

/** The engines that a pipeline file knows by name. */
export const engines = [onnxDefinition, vllmDefinition, openaiDefinition] as const;
