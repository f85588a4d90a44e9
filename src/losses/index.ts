export { checkLoss } from './check-loss.js';
export { clippedPolicy } from './clipped-policy.js';
export { crossEntropy } from './cross-entropy.js';
export { distillation } from './distillation.js';
export type { Expressions, LossBuild, LossInput, LossPoint, LossTerms } from './expressions.js';
export { loadLoss, lossModuleHash } from './load-loss.js';
export {
  defineLoss,
  type Loss,
  type LossDefinition,
  type LossTemplate,
  sumLosses,
  withLossSettings,
} from './loss.js';
export { type LossModule, type LossSpec, lossSchema } from './loss-spec.js';
export { type EvaluatedLoss, evaluateLoss, type LossToken } from './numbers.js';
export { referenceKl } from './reference-kl.js';
export { createLoss, lossDefinitions } from './registry.js';
export { type TrainingLossSettings, trainingLoss } from './training-loss.js';
