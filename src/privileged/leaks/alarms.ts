import type { SampleLeak } from './leak.js';

export const leakMeters = ['repeated', 'cited', 'length'] as const;
export type LeakName = (typeof leakMeters)[number];

/** `incorrect` is every verdict but `correct`. */
export const judgements = ['correct', 'incorrect'] as const;
export type Judgement = (typeof judgements)[number];

/** The means over one prompt's completions that were judged alike. */
export type Observation = Readonly<Record<LeakName, number>>;

/** Mean and standard deviation between prompts (0 below two prompts). */
export interface Spread {
  readonly prompts: number;
  readonly mean: Observation;
  readonly sd: Observation;
}

export type ByJudgement<T> = Readonly<Record<Judgement, T>>;

/**
 * Prompts below which nothing is said. They are counted instead of samples, as samples of one prompt resemble each other and would
 * feign certainty.
 */
export const minPrompts = 10;
/** Standard errors by which a difference must pass its margin: hundreds of looks in a run leave little room for chance. */
const STANDARD_ERRORS = 3;

const none: Spread = spreadOf([]);
export const noSpread: ByJudgement<Spread> = { correct: none, incorrect: none };

export function spreadOf(observations: readonly Observation[]): Spread {
  const prompts = observations.length;
  const over = (name: LeakName): readonly [number, number] => {
    if (prompts === 0) return [0, 0];
    const mean = observations.reduce((sum, one) => sum + one[name], 0) / prompts;
    const squares = observations.reduce((sum, one) => sum + (one[name] - mean) ** 2, 0);
    return [mean, prompts < 2 ? 0 : Math.sqrt(squares / (prompts - 1))];
  };
  return { prompts, mean: eachMeter((name) => over(name)[0]), sd: eachMeter((name) => over(name)[1]) };
}

/** Two spreads as if measured together (Chan, Golub and LeVeque's formula for the squares). */
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

export function eachMeter(value: (name: LeakName) => number): Observation {
  return { repeated: value('repeated'), cited: value('cited'), length: value('length') };
}

/** What one prompt's completions tell, by how they were judged; undefined where none was judged so. */
export function observe(
  group: readonly (SampleLeak & { readonly judgement: Judgement })[],
): ByJudgement<Observation | undefined> {
  const of = (wanted: Judgement): Observation | undefined => {
    const samples = group.filter(({ judgement }) => judgement === wanted);
    return samples.length === 0 ? undefined : spreadOf(samples).mean;
  };
  return { correct: of('correct'), incorrect: of('incorrect') };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const words = (count: number): string => `${count.toFixed(1)} words`;
const meters = {
  repeated: { title: 'completions repeat privileged text', of: 'of the words of', print: percent },
  cited: { title: 'completions cite material that they were not shown', of: 'of', print: percent },
  length: { title: 'completions drift in length', of: 'in', print: words },
};

/**
 * One line for each meter that left its base, for the metric's `message` and the terminal; quotes nothing.
 *
 * Answers are compared with those at the start of the run that were judged alike, so that more right answers alone raise nothing, where a
 * right answer looks like the privileged trace. Incorrect ones must leave the first correct ones as well: on its way to be right, an
 * answer comes nearer to what a right one looks like. A difference counts when it passes both a margin (0.1 of the words repeated, 0.02 of
 * the completions that cite, half as long again or a third shorter) and one standard deviation between the base's prompts, by three
 * standard errors; with fewer than 10 prompts on either side nothing is said.
 */
export function leakAlarms(now: ByJudgement<Spread>, base: ByJudgement<Spread>): readonly string[] {
  return leakMeters.flatMap((name) => {
    const { title, of, print } = meters[name];
    const found = judgements.filter((judgement) => hasLeft(name, judgement, now, base));
    const told = found.map(
      (judgement) =>
        `${print(now[judgement].mean[name])} ${of} ${judgement} answers, ${print(base[judgement].mean[name])} at the start of the run`,
    );
    return told.length === 0 ? [] : [`${title}: ${told.join('; ')}`];
  });
}

function hasLeft(name: LeakName, judgement: Judgement, now: ByJudgement<Spread>, base: ByJudgement<Spread>): boolean {
  const recent = now[judgement];
  if (recent.prompts < minPrompts || base[judgement].prompts < minPrompts) return false;
  const bases = [base[judgement], base.correct].filter(({ prompts }) => prompts > 0);
  const passes = (direction: 1 | -1, margin: (mean: number) => number): boolean =>
    bases.every(({ prompts, mean, sd }) => {
      const error = Math.sqrt(recent.sd[name] ** 2 / recent.prompts + sd[name] ** 2 / prompts);
      const allowed = Math.max(margin(mean[name]), sd[name]) + STANDARD_ERRORS * error;
      return direction * (recent.mean[name] - mean[name]) > allowed;
    });
  return passes(1, margins[name]) || (name === 'length' && passes(-1, (mean) => mean / 3));
}

const margins: Readonly<Record<LeakName, (base: number) => number>> = {
  repeated: () => 0.1,
  cited: () => 0.02,
  length: (mean) => mean / 2,
};
