import { onnxDefinition } from './onnx/engine.js';

/** The engines that a pipeline file knows by name. */
export const engines = [onnxDefinition] as const;
