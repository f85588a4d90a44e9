export { type MadeTokenizer, makeTokenizer, type TokenizerFiles } from './bpe.js';
export { type ChatTemplate, readChatTemplate } from './chat-template.js';
export { type ModelConfig, parameterShapes, parseConfig } from './config.js';
export {
  type ModelFolder,
  modelDigest,
  readConfig,
  readModelFolder,
  readParameters,
  writeModelFolder,
} from './folder.js';
export { initModel } from './init.js';
export { isAdapterFolder, readAdapter, writeAdapter } from './lora/folder.js';
export { initAdapter } from './lora/init.js';
export { type Adapter, type Lora, modulesOf, type Projection } from './lora/lora.js';
export { mergeAdapter } from './lora/merge.js';
export { readSafetensors, type Tensor, type Tensors, writeSafetensors } from './safetensors.js';
export { readTokenizer, type Tokenizer } from './tokenizer.js';
