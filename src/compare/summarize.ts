import { at, get, required } from '../support/required.js';
import { type Arm, isMain } from './arms.js';
import type { Blame } from './blame.js';
import type { CreditExample } from './examples.js';
import type { ExperimentSpec } from './experiment.js';
import { areaUnder, cutAfter, finalAccuracy, firstAt, type RunResult, trainingSeconds } from './result.js';
import {
  confidenceFactor,
  type Estimate,
  estimate,
  holm,
  type PairedDifference,
  pairedDifference,
} from './statistics.js';

/** A step of an arm's mean curve, with the half width of its 95 % confidence interval (NaN for one seed). */
export interface BandPoint extends Estimate {
  readonly step: number;
  readonly half: number;
}

/** First arrival at the threshold: of how many seeds, and the mean over those. */
export interface Arrival {
  readonly reached: number;
  readonly steps: number | null;
  readonly seconds: number | null;
}

/** What two arms differ by, over the same seeds. */
export interface Difference {
  readonly arm: string;
  readonly than: string;
  /** After the same number of steps. */
  readonly atSteps: AccuracyDifference;
  /** After the same training time: that of the faster of the two runs of a seed. */
  readonly atTime: AccuracyDifference;
}

export interface AccuracyDifference {
  readonly final: PairedDifference;
  readonly area: PairedDifference;
  /** p of `area`, corrected for the number of comparisons of its table. */
  readonly correctedP: number;
}

/** Over the seeds: how often a value is lowest at the first error of a wrong completion. */
export interface HitRate extends Estimate {
  /** Wrong completions of all seeds. */
  readonly completions: number;
}

export interface ArmSummary {
  readonly name: string;
  readonly sets: readonly string[];
  readonly control: Arm['control'] | null;
  /** The tuned value; null without a sweep. */
  readonly tuned: unknown;
  readonly curve: readonly BandPoint[];
  readonly final: Estimate;
  readonly area: Estimate;
  readonly arrival: Arrival;
  /** Of a training step. */
  readonly secondsPerStep: Estimate;
  /** `secondsPerStep` divided by the baseline's of the same seed. */
  readonly relativeTime: Estimate;
  /** null where no error is known, or the method has no negative credit or no teacher. */
  readonly blame: Readonly<Record<keyof Blame, HitRate | null>>;
  /** Means of training figures over steps and seeds, by name. */
  readonly figures: Readonly<Record<string, Estimate>>;
  readonly runs: readonly {
    readonly seed: number;
    readonly folder: string;
    readonly final: number;
    readonly area: number;
  }[];
}

/** A value of the sweep: the mean area under the curve of an arm. */
export interface SweepPoint {
  readonly arm: string;
  readonly value: unknown;
  readonly area: Estimate;
  readonly chosen: boolean;
  /** Whether the choice is the first or last value, so that a better one may lie outside. */
  readonly atEdge: boolean;
}

export interface Comparison {
  readonly experiment: string;
  readonly baseline: string;
  readonly threshold: number;
  readonly seeds: readonly number[];
  readonly sweep: readonly SweepPoint[];
  readonly arms: readonly ArmSummary[];
  /** Each arm that is not a control, against the baseline. */
  readonly againstBaseline: readonly Difference[];
  /** Each arm against its controls. */
  readonly againstControls: readonly Difference[];
}

/** A comparison with what a reader should know before its figures, and examples of each arm's credit. */
export interface ComparisonReport extends Comparison {
  readonly warnings: readonly string[];
  readonly credit: readonly CreditExample[];
}

/** What the figures alone would hide. */
export function warningsOf(
  spec: ExperimentSpec,
  arms: readonly Arm[],
  { sweep }: Comparison,
  { results, sameProgram }: { readonly results: readonly RunResult[]; readonly sameProgram: boolean },
): readonly string[] {
  const uncontrolled = arms.filter(
    ({ name, isPrivileged, control }) =>
      isPrivileged && !control && !arms.some((one) => one.control?.of === name && one.control.name === 'shuffled'),
  );
  const atEdge = sweep.filter((point) => point.atEdge).map(({ arm }) => arm);
  const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name).join(', ');
  return [
    ...(uncontrolled.length > 0
      ? [`Without the control shuffled, a gain of ${names(uncontrolled)} need not come from the privileged context.`]
      : []),
    ...(atEdge.length > 0
      ? [`The sweep took its first or last value for ${atEdge.join(', ')}; a better one may lie outside.`]
      : []),
    ...(spec.tune ? [] : [`Nothing was tuned: each arm has the pipeline's learning rate, which may suit one of them.`]),
    ...(spec.seeds.length < 2 ? ['One seed: there are no standard errors.'] : []),
    ...results.flatMap(({ arm, seed, failed }) =>
      failed === null
        ? []
        : [
            `Arm ${arm}, seed ${seed}: ${failed.count} records failed and were not trained on, the first: ${failed.first}`,
          ],
    ),
    ...(sameProgram ? [] : ['The runs were trained by different versions of the program.']),
  ];
}

/** The value of the sweep with the largest mean area under the curve, for each arm. */
export function chooseValues(spec: ExperimentSpec, results: readonly (RunResult & { readonly value: unknown })[]) {
  const sweep: SweepPoint[] = [];
  const chosen = new Map<string, unknown>();
  const values = spec.tune?.values ?? [];
  for (const arm of new Set(results.map((result) => result.arm))) {
    const areas = values.map((value) =>
      estimate(results.filter((result) => result.arm === arm && result.value === value).map(areaUnder)),
    );
    const best = areas.reduce((top, { mean }, k) => (mean > Number(areas[top]?.mean) ? k : top), 0);
    chosen.set(arm, values[best]);
    const atEdge = best === 0 || best === values.length - 1;
    for (const [k, area] of areas.entries())
      sweep.push({ arm, value: values[k], area, chosen: k === best, atEdge: k === best && atEdge });
  }
  return { sweep, chosen };
}

/** The whole comparison from the results of its runs. */
export function summarize(
  spec: ExperimentSpec,
  arms: readonly Arm[],
  results: readonly RunResult[],
  { sweep, chosen }: ReturnType<typeof chooseValues>,
): Comparison {
  const byArm = new Map(arms.map(({ name }) => [name, results.filter((result) => result.arm === name)]));
  const threshold = spec.threshold ?? estimate(get(byArm, spec.baseline).map(finalAccuracy)).mean;
  const pairs = (arm: string, than: string): Pair => ({
    arm,
    than,
    runs: get(byArm, arm).map((one, i) => [one, required(get(byArm, than)[i], `run ${i} of ${than}`)] as const),
  });
  const others = arms.filter((arm) => isMain(arm) && arm.name !== spec.baseline);
  const ofControls = arms.flatMap(({ name, control }) => (control ? [pairs(control.of, name)] : []));
  return {
    experiment: spec.experiment,
    baseline: spec.baseline,
    threshold,
    seeds: spec.seeds,
    sweep,
    arms: arms.map((arm) =>
      summaryOf(arm, get(byArm, arm.name), { baseline: get(byArm, spec.baseline), threshold, chosen }),
    ),
    againstBaseline: differences(others.map(({ name }) => pairs(name, spec.baseline))),
    againstControls: differences(ofControls),
  };
}

/** The runs of two arms, by seed. */
interface Pair {
  readonly arm: string;
  readonly than: string;
  readonly runs: readonly (readonly [RunResult, RunResult])[];
}

function differences(pairs: readonly Pair[]): Difference[] {
  const atSteps = accuracyDifferences(pairs.map(({ runs }) => runs));
  const atTime = accuracyDifferences(pairs.map(({ runs }) => runs.map(atEqualTime)));
  return pairs.map(({ arm, than }, i) => ({ arm, than, atSteps: at(atSteps, i), atTime: at(atTime, i) }));
}

function atEqualTime([one, other]: readonly [RunResult, RunResult]): readonly [RunResult, RunResult] {
  const seconds = Math.min(trainingSeconds(one), trainingSeconds(other));
  return [cutAfter(one, seconds), cutAfter(other, seconds)];
}

function accuracyDifferences(pairs: readonly Pair['runs'][]): AccuracyDifference[] {
  const found = pairs.map((runs) => {
    const by = (of: (result: RunResult) => number) =>
      pairedDifference(
        runs.map(([one]) => of(one)),
        runs.map(([, other]) => of(other)),
      );
    return { final: by(finalAccuracy), area: by(areaUnder) };
  });
  const p = holm(found.map(({ area }) => area.p));
  return found.map((difference, i) => ({ ...difference, correctedP: at(p, i) }));
}

/** What an arm is seen against. */
interface Scale {
  /** Runs of the baseline, by seed. */
  readonly baseline: readonly RunResult[];
  readonly threshold: number;
  readonly chosen: ReadonlyMap<string, unknown>;
}

function summaryOf(
  { name, sets, control }: Arm,
  results: readonly RunResult[],
  { baseline, threshold, chosen }: Scale,
): ArmSummary {
  const arrivals = results.flatMap((result) => {
    const point = firstAt(result, threshold);
    return point ? [{ steps: point.step, seconds: point.step * result.secondsPerStep }] : [];
  });
  const relative = results.map(({ secondsPerStep }, i) => secondsPerStep / at(baseline, i).secondsPerStep);
  const mean = (values: readonly number[]) => (values.length === 0 ? null : estimate(values).mean);
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))].sort();
  return {
    name,
    sets,
    control: control ?? null,
    tuned: chosen.get(control?.of ?? name) ?? null,
    curve: curveOf(results),
    final: estimate(results.map(finalAccuracy)),
    area: estimate(results.map(areaUnder)),
    arrival: {
      reached: arrivals.length,
      steps: mean(arrivals.map(({ steps }) => steps)),
      seconds: mean(arrivals.map(({ seconds }) => seconds)),
    },
    secondsPerStep: estimate(results.map(({ secondsPerStep }) => secondsPerStep)),
    relativeTime: estimate(relative),
    blame: { credit: hitRate(results, 'credit'), teacher: hitRate(results, 'teacher') },
    figures: Object.fromEntries(
      names.map((figure) => [
        figure,
        estimate(results.flatMap(({ figures }) => (figure in figures ? [Number(figures[figure])] : []))),
      ]),
    ),
    runs: results.map((result) => ({
      seed: result.seed,
      folder: result.folder,
      final: finalAccuracy(result),
      area: areaUnder(result),
    })),
  };
}

function hitRate(results: readonly RunResult[], of: keyof Blame): HitRate | null {
  const found = results.flatMap(({ blame }) => blame[of] ?? []);
  if (found.length === 0) return null;
  const completions = found.reduce((sum, { n }) => sum + n, 0);
  return { ...estimate(found.map(({ rate }) => rate)), completions };
}

/** The mean over the seeds at each step that all of them measured. */
function curveOf(results: readonly RunResult[]): BandPoint[] {
  const steps = results[0]?.curve.map(({ step }) => step) ?? [];
  return steps.flatMap((step) => {
    const values = results.flatMap(({ curve }) => curve.find((point) => point.step === step)?.accuracy ?? []);
    if (values.length < results.length) return [];
    const { n, mean, se } = estimate(values);
    return [{ step, n, mean, se, half: n > 1 ? confidenceFactor(n - 1) * se : Number.NaN }];
  });
}
