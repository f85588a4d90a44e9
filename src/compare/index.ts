/** Experiments: arms, seeds and controls, with honest statistics. */
export { type CompareEvent, type CompareOptions, compare } from './compare.js';
export { type ExperimentSpec, experimentSchema, readExperiment } from './experiment.js';
export {
  confidenceFactor,
  type Estimate,
  estimate,
  holm,
  type PairedDifference,
  pairedDifference,
  studentWithin,
} from './statistics.js';
export type { ArmSummary, Comparison, ComparisonReport, Difference } from './summarize.js';
