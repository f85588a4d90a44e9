import type { LearnStep } from '../../operators/learn.js';

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

/** Means over the step's samples next to the trainer's own figures. Names are those of the `metrics` topic. */
export function stepMetrics(
  { step, samples, stats }: LearnStep<Readonly<Record<string, number>>>,
  { seconds, stale, version }: { readonly seconds: number; readonly stale: number; readonly version: number },
): StepReport {
  const mean = (of: (sample: (typeof samples)[number]) => number) =>
    samples.length === 0 ? 0 : samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const tokens = samples.reduce((sum, sample) => sum + sample.completionTokens.byteLength / 4, 0);
  const ages = samples.map((sample) => version - sample.policyVersion);
  const values = {
    ...stats,
    reward: mean((sample) => sample.reward),
    correct: mean((sample) => (sample.verdict === 'correct' ? 1 : 0)),
    samples: samples.length,
    withAdvantage: mean((sample) => (sample.advantage === 0 ? 0 : 1)),
    tokens,
    length: tokens / Math.max(samples.length, 1),
    policyAge: ages.length === 0 ? 0 : ages.reduce((sum, age) => sum + age, 0) / ages.length,
    policyAgeMax: Math.max(0, ...ages),
    stale,
    seconds,
    ...statisticMeans(samples.map(({ stats }) => stats)),
  };
  return { step, values };
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
