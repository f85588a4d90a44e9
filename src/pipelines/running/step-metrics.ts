import type { LearnStep } from '../../operators/learn.js';
import { float32Array } from '../../records/arrays.js';
import type { Advantage } from '../../records/records.js';
import type { Gap, Judged } from '../../topics/record-codec.js';
import type { PipelineSpec } from '../spec/spec.js';
import { taskNameOf } from '../spec/tasks.js';
import { learnFigures } from './figures.js';
import { judgedSamples, lostSamples, signalOf, type Target } from './signal.js';

/** What one training step looked like. */
export interface StepReport {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Names of a step's figures, whatever it trains with; the loss's and the method's come next to them. */
export const stepFigures: readonly string[] = Object.keys(learnFigures);

interface StepContext {
  readonly seconds: number;
  /** Samples that were too old to train on. */
  readonly stale: readonly Advantage[];
  /** Samples that never reached the learner. */
  readonly gaps: readonly Gap[];
  readonly version: number;
  readonly target: Target;
  readonly spec: Pick<PipelineSpec, 'tasks' | 'rollout'>;
}

/**
 * A step's figures next to the trainer's own, as `learnFigures` and `learnFigureFamilies` describe them. Those of a
 * task are missing where the step has none of its samples.
 */
export function stepMetrics(
  { step, samples, stats }: LearnStep<Readonly<Record<string, number>>>,
  { seconds, stale, gaps, version, target, spec }: StepContext,
): StepReport {
  const all = { trained: samples, stale, gaps };
  const judged = judgedSamples(all);
  const groupSize = spec.rollout?.group ?? 1;
  const tokens = samples.reduce((sum, sample) => sum + sample.completionTokens.byteLength / 4, 0);
  const ages = samples.map((sample) => version - sample.policyVersion);
  const values = {
    ...stats,
    reward: meanOf(judged, rewardOf),
    correct: meanOf(judged, correctOf),
    samples: samples.length,
    withAdvantage: meanOf(samples, (sample) => (sample.advantage === 0 ? 0 : 1)),
    ...signalOf(all, target, groupSize),
    tokens,
    entropy: entropyOf(samples),
    length: tokens / Math.max(samples.length, 1),
    policyAge: ages.length === 0 ? 0 : ages.reduce((sum, age) => sum + age, 0) / ages.length,
    policyAgeMax: Math.max(0, ...ages),
    stale: stale.length,
    seconds,
    ...statisticMeans(samples.map(({ stats }) => stats)),
    ...taskMeans(judged, spec),
    ...Object.fromEntries(lostSamples(gaps, groupSize).map(({ cause, count }) => [`lost/${cause}`, count])),
  };
  return { step, values };
}

/** Sampled tokens estimate an entropy without a look at the whole distribution: its mean is theirs. */
function entropyOf(samples: readonly Advantage[]): number {
  let sum = 0;
  let count = 0;
  for (const { samplingLogprobs } of samples) {
    const logprobs = float32Array(samplingLogprobs);
    for (const logprob of logprobs) sum -= logprob;
    count += logprobs.length;
  }
  return sum / Math.max(count, 1);
}

const rewardOf = ({ reward }: Judged): number => reward;
const correctOf = ({ verdict }: Judged): number => (verdict === 'correct' ? 1 : 0);

const meanOf = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + of(value), 0) / values.length;

/** Figures of each task. A task without samples in the step has no mean, so no figure. */
function taskMeans(
  samples: ReturnType<typeof judgedSamples>,
  spec: Pick<PipelineSpec, 'tasks'>,
): Record<string, number> {
  const means: Record<string, number> = {};
  for (const task of Object.keys(spec.tasks ?? {})) {
    // A prompt's id begins with its item's.
    const own = samples.filter(({ promptId }) => taskNameOf(spec, promptId) === task);
    if (own.length === 0) continue;
    means[`reward/${task}`] = meanOf(own, rewardOf);
    means[`correct/${task}`] = meanOf(own, correctOf);
    means[`judged/${task}`] = own.length;
  }
  return means;
}

/** The mean of each of the method's statistics over the samples that have it. */
function statisticMeans(samples: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const totals = new Map<string, { readonly sum: number; readonly count: number }>();
  for (const stats of samples)
    for (const [name, value] of Object.entries(stats)) {
      const { sum, count } = totals.get(name) ?? { sum: 0, count: 0 };
      totals.set(name, { sum: sum + value, count: count + 1 });
    }
  return Object.fromEntries([...totals].map(([name, { sum, count }]) => [name, sum / count]));
}
