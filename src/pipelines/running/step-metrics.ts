import type { LearnStep } from '../../operators/learn.js';
import type { Advantage } from '../../records/records.js';
import type { PipelineSpec } from '../spec/spec.js';
import { taskNameOf } from '../spec/tasks.js';

/** What one training step looked like. */
export interface StepReport {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Names of a step's figures, whatever it trains with; the loss's and the method's come next to them. */
export const stepFigures: readonly string[] = [
  'step',
  'updates',
  'learningRate',
  'tokens',
  'loss',
  'gradientNorm',
  'reward',
  'correct',
  'samples',
  'withAdvantage',
  'length',
  'policyAge',
  'policyAgeMax',
  'stale',
  'seconds',
];

interface StepContext {
  readonly seconds: number;
  readonly stale: number;
  readonly version: number;
  readonly spec: Pick<PipelineSpec, 'tasks'>;
}

/**
 * Means over the step's samples next to the trainer's own figures. Names are those of the `metrics` topic; in a
 * pipeline with
 * `tasks`, `reward/NAME` and `correct/NAME` are the means of each task that the step has samples of.
 */
export function stepMetrics(
  { step, samples, stats }: LearnStep<Readonly<Record<string, number>>>,
  { seconds, stale, version, spec }: StepContext,
): StepReport {
  const mean = (of: (sample: Advantage) => number) => meanOf(samples, of);
  const tokens = samples.reduce((sum, sample) => sum + sample.completionTokens.byteLength / 4, 0);
  const ages = samples.map((sample) => version - sample.policyVersion);
  const values = {
    ...stats,
    reward: mean(rewardOf),
    correct: mean(correctOf),
    samples: samples.length,
    withAdvantage: mean((sample) => (sample.advantage === 0 ? 0 : 1)),
    tokens,
    length: tokens / Math.max(samples.length, 1),
    policyAge: ages.length === 0 ? 0 : ages.reduce((sum, age) => sum + age, 0) / ages.length,
    policyAgeMax: Math.max(0, ...ages),
    stale,
    seconds,
    ...statisticMeans(samples.map(({ stats }) => stats)),
    ...taskMeans(samples, spec),
  };
  return { step, values };
}

const rewardOf = ({ reward }: Advantage): number => reward;
const correctOf = ({ verdict }: Advantage): number => (verdict === 'correct' ? 1 : 0);

const meanOf = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + of(value), 0) / values.length;

/** Reward and share of correct answers of each task. A task without samples in the step has no mean, so no figure. */
function taskMeans(samples: readonly Advantage[], spec: Pick<PipelineSpec, 'tasks'>): Record<string, number> {
  const means: Record<string, number> = {};
  for (const task of Object.keys(spec.tasks ?? {})) {
    const own = samples.filter(({ itemId }) => taskNameOf(spec, itemId) === task);
    if (own.length === 0) continue;
    means[`reward/${task}`] = meanOf(own, rewardOf);
    means[`correct/${task}`] = meanOf(own, correctOf);
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
