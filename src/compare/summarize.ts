import { get } from '../support/required.js';
import { type Arm, isMain } from './arms.js';
import type { ExperimentSpec } from './experiment.js';
import { areaUnder, finalAccuracy, firstAt, type RunResult } from './result.js';
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
  readonly final: PairedDifference;
  readonly area: PairedDifference;
  /** p of `area`, corrected for the number of comparisons of its table. */
  readonly correctedP: number;
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
  readonly seconds: Estimate;
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
  const difference = (arm: string, than: string): Omit<Difference, 'correctedP'> => {
    const pair = (of: (result: RunResult) => number) =>
      pairedDifference(get(byArm, arm).map(of), get(byArm, than).map(of));
    return { arm, than, final: pair(finalAccuracy), area: pair(areaUnder) };
  };
  const others = arms.filter((arm) => isMain(arm) && arm.name !== spec.baseline);
  const ofControls = arms.flatMap(({ name, control }) => (control ? [difference(control.of, name)] : []));
  return {
    experiment: spec.experiment,
    baseline: spec.baseline,
    threshold,
    seeds: spec.seeds,
    sweep,
    arms: arms.map((arm) => summaryOf(arm, get(byArm, arm.name), threshold, chosen)),
    againstBaseline: corrected(others.map(({ name }) => difference(name, spec.baseline))),
    againstControls: corrected(ofControls),
  };
}

function corrected(differences: readonly Omit<Difference, 'correctedP'>[]): Difference[] {
  const p = holm(differences.map(({ area }) => area.p));
  return differences.map((difference, i) => ({ ...difference, correctedP: Number(p[i]) }));
}

function summaryOf(
  { name, sets, control }: Arm,
  results: readonly RunResult[],
  threshold: number,
  chosen: ReadonlyMap<string, unknown>,
): ArmSummary {
  const arrivals = results.flatMap((result) => firstAt(result, threshold) ?? []);
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
      steps: mean(arrivals.map(({ step }) => step)),
      seconds: mean(arrivals.map(({ seconds }) => seconds)),
    },
    seconds: estimate(results.map(({ seconds }) => seconds)),
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
