export { type Credited, credit } from './credit.js';
export {
  type AttemptSettings,
  type DeadLetterSettings,
  deadLetter,
  type Failure,
  runUnit,
  UnitFailed,
} from './dead-letter.js';
export { type GroupMember, type GroupSettings, groupSamples } from './group-samples.js';
export { type LearnSettings, type LearnStep, learn, type Trainer, type TrainSample } from './learn.js';
export { type Publisher, publishWeights } from './publish-weights.js';
export { type PolicyVersion, type RolloutSettings, rollout } from './rollout.js';
export { scoreTeacher, type TeacherSettings } from './score-teacher.js';
export { type Shapeable, type ShapeSettings, shapeAdvantage } from './shape-advantage.js';
export {
  defineTransform,
  type GroupTopic,
  type Sample,
  type Transform,
  type TransformOperator,
  type TransformOptions,
  type TransformSettings,
  transform,
} from './transform.js';
export { lastQuestion, type Verified, type VerifySettings, verify } from './verify.js';
