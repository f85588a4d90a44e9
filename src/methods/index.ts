/** What each token is trained on: the methods, and what is needed to define one. */

export { type BindMethodOptions, bindMethod, defineMethod } from './bind.js';
export { type ContrastSettings, contrast } from './contrast.js';
export { type GrpoSettings, grpo } from './grpo.js';
export { type GrpoOpsdSettings, grpoOpsd } from './grpo-opsd.js';
export {
  asksTeacher,
  type JudgedGroup,
  type JudgedSample,
  type Method,
  type MethodBehavior,
  type MethodDefinition,
  type NoTeacher,
  type ShapedSample,
  type SiblingContext,
  type TeacherNeed,
  type TeacherScores,
} from './method.js';
export { type OpdSettings, opd } from './opd.js';
export { type OpsdSettings, opsd } from './opsd.js';
export { type AdvantageScale, groupAdvantages, hasAdvantage } from './parts/advantage.js';
export { type Schedule, scheduleAt } from './parts/schedule.js';
export { permuted } from './permuted.js';
export { methods } from './registry.js';
export { type RlcsdSettings, rlcsd } from './rlcsd.js';
export { type RlsdSettings, rlsd } from './rlsd.js';
export { type SdpoSettings, sdpo } from './sdpo.js';
