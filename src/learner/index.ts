export type {
  AdamWSettings,
  CompiledLoss,
  LossSums,
  TrainableModel,
  TrainableState,
  TrainRow,
} from '../engines/trainable.js';
export type { DistillationTargets } from '../records/distillation.js';
export { createLearner } from './create.js';
export type {
  LearnedAdapter,
  Learner,
  LearnerModel,
  LearnerOptions,
  StepStats,
  SupervisedSample,
  SuperviseStats,
  TrainSample,
} from './learner.js';
export { type LearnerInput, type LearnerSettings, learnerSettings } from './settings.js';
export { type TrainModelOptions, trainModel } from './train-model.js';
