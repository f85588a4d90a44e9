/** What pipelines do to samples between stages: filters, penalties and selections, by name. */

export { bestOf } from './best-of.js';
export {
  type AnySample,
  defineUnitTransform,
  type RewardedSample,
  type TextSample,
  type TransformDefinition,
  unitOperator,
} from './definition.js';
export { dropGibberish, unreadableShare } from './drop-gibberish.js';
export { dropLength } from './drop-length.js';
export { dropRepetitive, repeatedShare } from './drop-repetitive.js';
export { dropUniform } from './drop-uniform.js';
export { lengthPenalty } from './length-penalty.js';
export { transforms } from './registry.js';
