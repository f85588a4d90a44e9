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
export { readSafetensors, type Tensor, type Tensors, writeSafetensors } from './safetensors.js';
export { readTokenizer, type Tokenizer } from './tokenizer.js';
