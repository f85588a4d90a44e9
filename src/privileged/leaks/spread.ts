import type { SampleLeak } from './leak.js';

export const leakMeters = ['repeated', 'cited', 'length'] as const;
export type LeakName = (typeof leakMeters)[number];

/** `incorrect` is every verdict but `correct`. */
export const judgements = ['correct', 'incorrect'] as const;
export type Judgement = (typeof judgements)[number];
export type ByJudgement<T> = Readonly<Record<Judgement, T>>;
export type JudgedLeak = SampleLeak & { readonly judgement: Judgement };

/** Means over the completions of one prompt that have the same judgement. */
export type Observation = Readonly<Record<LeakName, number>>;

/** Mean and standard deviation between prompts (0 for fewer than two prompts). */
export interface Spread {
  readonly prompts: number;
  readonly mean: Observation;
  readonly sd: Observation;
}

export const eachMeter = (value: (name: LeakName) => number): Observation => ({
  repeated: value('repeated'),
  cited: value('cited'),
  length: value('length'),
});

export const eachJudgement = <T>(value: (judgement: Judgement) => T): ByJudgement<T> => ({
  correct: value('correct'),
  incorrect: value('incorrect'),
});

export function spreadOf(observations: readonly Observation[]): Spread {
  const prompts = observations.length;
  const over = (name: LeakName): readonly [mean: number, sd: number] => {
    if (prompts === 0) return [0, 0];
    const mean = observations.reduce((sum, one) => sum + one[name], 0) / prompts;
    const squares = observations.reduce((sum, one) => sum + (one[name] - mean) ** 2, 0);
    return [mean, prompts < 2 ? 0 : Math.sqrt(squares / (prompts - 1))];
  };
  return { prompts, mean: eachMeter((name) => over(name)[0]), sd: eachMeter((name) => over(name)[1]) };
}

const none = spreadOf([]);
export const noSpread: ByJudgement<Spread> = { correct: none, incorrect: none };

/** The spread of two sets of prompts together (Chan, Golub and LeVeque's update of the sum of squares). */
export function mergeSpreads(a: Spread, b: Spread): Spread {
  if (a.prompts === 0) return b;
  if (b.prompts === 0) return a;
  const prompts = a.prompts + b.prompts;
  const squares = ({ prompts, sd }: Spread, name: LeakName): number => sd[name] ** 2 * (prompts - 1);
  return {
    prompts,
    mean: eachMeter((name) => (a.mean[name] * a.prompts + b.mean[name] * b.prompts) / prompts),
    sd: eachMeter((name) => {
      const between = ((b.mean[name] - a.mean[name]) ** 2 * a.prompts * b.prompts) / prompts;
      return Math.sqrt((squares(a, name) + squares(b, name) + between) / (prompts - 1));
    }),
  };
}

/** The observations of one prompt's completions; undefined for a judgement that none of them has. */
export function observe(group: readonly JudgedLeak[]): ByJudgement<Observation | undefined> {
  return eachJudgement((wanted) => {
    const samples = group.filter(({ judgement }) => judgement === wanted);
    return samples.length === 0 ? undefined : spreadOf(samples).mean;
  });
}
