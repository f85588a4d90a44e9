import { required } from '../../support/required.js';
import { type LeakAlarm, leakAlarms, minPrompts } from './alarms.js';
import { differenceByPosition, differenceMetrics, type ScoredSample } from './score-difference.js';
import {
  type ByJudgement,
  eachJudgement,
  eachMeter,
  type JudgedLeak,
  type Judgement,
  judgements,
  type LeakName,
  leakMeters,
  mergeSpreads,
  noSpread,
  type Observation,
  observe,
  type Spread,
  spreadOf,
} from './spread.js';

/** Steps at the start of a run that make up the base; more while they have too few prompts with the same judgement. */
const BASE_STEPS = 5;
/** Maximum number of earlier steps pooled with a small one; bounds the re-read on resume. */
export const RECENT_STEPS = 50;
/** Sections of a completion over which teacher minus student is reported. */
const SECTIONS = 5;

/** What a run looked like at its start. */
export interface LeakBase {
  readonly steps: number;
  readonly spreads: ByJudgement<Spread>;
}

/** The measures of one prompt's completions. */
export interface GroupLeaks {
  /** Empty when there is no context to compare with. */
  readonly leaks: readonly JudgedLeak[];
  readonly scored: readonly ScoredSample[];
}

/** What the meter remembers from one step to the next. */
export interface LeakState {
  readonly base: LeakBase;
  /** The latest observations, newest first. */
  readonly recent: ByJudgement<readonly { readonly step: number; readonly observation: Observation }[]>;
  /** Meters whose alarm is on. */
  readonly sounding: readonly LeakName[];
}

export interface StepLeaks {
  readonly state: LeakState;
  readonly values: Readonly<Record<string, number>>;
  readonly alarms: readonly LeakAlarm[];
  /** The alarms that were off after the step before. */
  readonly raised: readonly LeakAlarm[];
}

export const startOfRun: LeakState = {
  base: { steps: 0, spreads: noSpread },
  recent: { correct: [], incorrect: [] },
  sounding: [],
};

/**
 * Measures one step: does the student start to repeat what only the teacher was shown?
 * @param groups of the step, ordered by prompt: sums of floats depend on their order
 * @param isReplayed the step is part of the base already, and only fills the recent observations again
 * @returns the new state, the values of the step's `metrics` record and its alarms; undefined when no group has any
 * context
 */
export function measureStep(
  state: LeakState,
  step: number,
  groups: readonly GroupLeaks[],
  isReplayed = false,
): StepLeaks | undefined {
  const measured = groups.filter(({ leaks }) => leaks.length > 0);
  const samples = measured.flatMap(({ leaks }) => leaks);
  if (samples.length === 0) return undefined;
  const observed = measured.map(({ leaks }) => observe(leaks));
  const fresh = eachJudgement((judgement) => observed.flatMap((one) => one[judgement] ?? []));
  const base = isReplayed ? state.base : extendBase(state.base, fresh);
  // A small step is judged together with the ones before.
  const recent = eachJudgement((judgement) => {
    const missing = Math.max(0, minPrompts - fresh[judgement].length);
    const before = state.recent[judgement].filter((one) => one.step > step - RECENT_STEPS);
    return [...fresh[judgement].map((observation) => ({ step, observation })), ...before.slice(0, missing)];
  });
  const now = eachJudgement((judgement) => spreadOf(recent[judgement].map(({ observation }) => observation)));
  const alarms = leakAlarms(now, base.spreads);
  return {
    state: { base, recent, sounding: alarms.map(({ meter }) => meter) },
    values: valuesOf(
      samples,
      groups.flatMap(({ scored }) => scored),
      now,
      base,
    ),
    alarms,
    raised: alarms.filter(({ meter }) => !state.sounding.includes(meter)),
  };
}

function extendBase(base: LeakBase, fresh: ByJudgement<readonly Observation[]>): LeakBase {
  const isEarly = base.steps < BASE_STEPS;
  return {
    steps: isEarly ? base.steps + 1 : base.steps,
    spreads: eachJudgement((judgement) => {
      const spread = base.spreads[judgement];
      const grows = isEarly || spread.prompts < minPrompts;
      return grows ? mergeSpreads(spread, spreadOf(fresh[judgement])) : spread;
    }),
  };
}

const valueNames: Readonly<Record<LeakName, string>> = {
  repeated: 'leakRepeated',
  cited: 'leakCited',
  length: 'completionWords',
};
const suffixes: Readonly<Record<Judgement, string>> = { correct: 'Correct', incorrect: 'Incorrect' };

function valuesOf(
  samples: readonly JudgedLeak[],
  scored: readonly ScoredSample[],
  now: ByJudgement<Spread>,
  base: LeakBase,
): Readonly<Record<string, number>> {
  const mean = (name: LeakName): number => samples.reduce((sum, one) => sum + one[name], 0) / samples.length;
  return {
    samples: samples.length,
    ...Object.fromEntries(leakMeters.map((name) => [valueNames[name], mean(name)])),
    leakLongestRun: Math.max(...samples.map(({ longestRun }) => longestRun)),
    baseSteps: base.steps,
    ...Object.assign({}, ...judgements.map((judgement) => spreadValues(judgement, now, base.spreads))),
    ...(scored.length > 0 && differenceMetrics(differenceByPosition(scored, SECTIONS))),
  };
}

/** The recent spread of one judgement next to its base. */
function spreadValues(
  judgement: Judgement,
  now: ByJudgement<Spread>,
  base: ByJudgement<Spread>,
): Readonly<Record<string, number>> {
  const suffix = suffixes[judgement];
  const { prompts, mean, sd } = base[judgement];
  const values: Record<string, number> = {
    [`prompts${suffix}`]: now[judgement].prompts,
    [`prompts${suffix}Base`]: prompts,
  };
  for (const name of leakMeters) {
    const value = `${valueNames[name]}${suffix}`;
    values[value] = now[judgement].mean[name];
    values[`${value}Base`] = mean[name];
    values[`${value}BaseSd`] = sd[name];
  }
  return values;
}

/** The base that a `metrics` record of stage `leak` contains. @throws {Error} for a record of another stage */
export function leakBaseOf(values: Readonly<Record<string, number>>): LeakBase {
  const value = (name: string): number => required(values[name], `value ${name} of a leak record`);
  const spread = (judgement: Judgement): Spread => {
    const name = (meter: LeakName) => `${valueNames[meter]}${suffixes[judgement]}Base`;
    return {
      prompts: value(`prompts${suffixes[judgement]}Base`),
      mean: eachMeter((meter) => value(name(meter))),
      sd: eachMeter((meter) => value(`${name(meter)}Sd`)),
    };
  };
  return { steps: value('baseSteps'), spreads: eachJudgement(spread) };
}
