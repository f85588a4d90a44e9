/** What pipelines do to samples between stages: filters, penalties and selections, by name. */

export { bestOf } from './best-of.js';
export type { AnySample, RewardedSample, TextSample } from './definition.js';
export { dropGibberish, unreadableShare } from './drop-gibberish.js';
export { dropLength } from './drop-length.js';
export { dropRepetitive, repeatedShare } from './drop-repetitive.js';
export { dropUniform } from './drop-uniform.js';
export { lengthPenalty } from './length-penalty.js';
export { type NamedTransform, namedTransform } from './transform-spec.js';
