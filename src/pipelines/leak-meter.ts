import { concatMap, from, type OperatorFunction, toArray } from 'rxjs';
import { lastQuestion } from '../operators/verify.js';
import {
  type ByJudgement,
  eachMeter,
  type Judgement,
  judgements,
  type LeakName,
  leakAlarms,
  leakMeters,
  mergeSpreads,
  minPrompts,
  noSpread,
  type Observation,
  observe,
  type Spread,
  spreadOf,
} from '../privileged/leaks/alarms.js';
import { leakOf, type SampleLeak } from '../privileged/leaks/leak.js';
import { differenceByPosition, differenceMetrics, type ScoredSample } from '../privileged/leaks/score-difference.js';
import type { PrivilegedStore } from '../privileged/store.js';
import { float32Array } from '../records/arrays.js';
import type { Metric, TeacherScore } from '../records/records.js';
import type { Side } from '../runtime/stage.js';
import { UserError } from '../support/errors.js';
import type { TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { lastOffset, scan } from '../topics/scan.js';

/** Steps from the start of the run that make the base, and more where they have too few prompts that were judged alike. */
const BASE_STEPS = 5;
/** Steps that small ones are judged together with at most, so that a run that goes on has no more than these to read again. */
const RECENT_STEPS = 50;
/** Stretches of a completion over which teacher minus student is reported. */
const STRETCHES = 5;

type JudgedLeak = SampleLeak & { readonly judgement: Judgement };

interface Measured {
  /** Empty where the context is not there to compare with. */
  readonly leaks: readonly JudgedLeak[];
  readonly scored: readonly ScoredSample[];
}

export interface LeakMeterSettings {
  readonly run: string;
  readonly now: () => number;
  /** Prompts of a step. */
  readonly prompts: number;
  /** Steps that may be under way beside each other. */
  readonly overlap: number;
  readonly privileged: PrivilegedStore;
  readonly onAlarm: (step: number, message: string) => void;
  /** What an earlier part of the run left. */
  readonly earlier?: EarlierLeaks | undefined;
}

interface LeakBase {
  readonly steps: number;
  readonly spreads: ByJudgement<Spread>;
}

/** What a meter has to know of an earlier part of its run to go on as if nothing had been between. */
export interface EarlierLeaks {
  /** The base that the newest record names. */
  readonly base: LeakBase;
  /** Steps that have a record. */
  readonly reported: ReadonlySet<number>;
  /** The groups of the latest steps, in the order of the topic. */
  groups(): AsyncIterable<readonly TeacherScore[]>;
}

/** Passes teacher scores on and measures them: the groups of a step make one `metrics` record of stage `leak`. */
export type LeakMeter = (side: Side) => OperatorFunction<TeacherScore, TeacherScore>;

/**
 * Does the student begin to repeat what only the teacher was shown? Every group is measured, those without an advantage too: a leak that
 * makes every answer right leaves no advantage. A step whose groups do not all come is reported when the steps that may overlap it are past.
 */
export function leakMeter(settings: LeakMeterSettings): LeakMeter {
  const { run, now: time, prompts, overlap, privileged, onAlarm, earlier } = settings;
  const steps = new Map<number, Map<string, Measured>>();
  let base = earlier?.base ?? { steps: 0, spreads: noSpread };
  let recent: ByJudgement<readonly { readonly step: number; readonly observation: Observation }[]> = {
    correct: [],
    incorrect: [],
  };
  let sounding: readonly string[] = [];

  const report = (step: number, groups: readonly Measured[]): Metric | undefined => {
    const measured = groups.filter(({ leaks }) => leaks.length > 0);
    const samples = measured.flatMap(({ leaks }) => leaks);
    if (samples.length === 0) return undefined;
    const observed = measured.map(({ leaks }) => observe(leaks));
    const fresh = eachJudgement((judgement) => observed.flatMap((one) => one[judgement] ?? []));
    const again = earlier?.reported.has(step) ?? false;
    if (!again) {
      const early = base.steps < BASE_STEPS;
      base = {
        steps: early ? base.steps + 1 : base.steps,
        spreads: eachJudgement((judgement) => {
          const spread = base.spreads[judgement];
          return early || spread.prompts < minPrompts ? mergeSpreads(spread, spreadOf(fresh[judgement])) : spread;
        }),
      };
    }
    // Small steps are judged together with the ones before.
    recent = eachJudgement((judgement) => {
      const fill = Math.max(0, minPrompts - fresh[judgement].length);
      const before = recent[judgement].filter((one) => one.step > step - RECENT_STEPS);
      return [...fresh[judgement].map((observation) => ({ step, observation })), ...before.slice(0, fill)];
    });
    const now = eachJudgement((judgement) => spreadOf(recent[judgement].map(({ observation }) => observation)));
    const alarms = leakAlarms(now, base.spreads);
    const meters = alarms.map((alarm) => alarm.split(':')[0] ?? alarm);
    for (const [k, alarm] of alarms.entries()) if (!again && !sounding.includes(meters[k] ?? '')) onAlarm(step, alarm);
    sounding = meters;
    if (again) return undefined;
    const scored = groups.flatMap((group) => group.scored);
    const mean = (name: LeakName): number => samples.reduce((sum, one) => sum + one[name], 0) / samples.length;
    const values = {
      samples: samples.length,
      ...Object.fromEntries(leakMeters.map((name) => [valueNames[name], mean(name)])),
      leakLongestRun: Math.max(...samples.map(({ longestRun }) => longestRun)),
      baseSteps: base.steps,
      ...Object.assign({}, ...judgements.map((judgement) => spreadValues(judgement, now, base.spreads))),
      ...(scored.length > 0 && differenceMetrics(differenceByPosition(scored, STRETCHES))),
    };
    return { run, stage: 'leak', step, time: time(), values, message: alarms.length > 0 ? alarms.join('; ') : null };
  };

  const measure = async (group: readonly TeacherScore[], emit?: (metric: Metric) => void): Promise<void> => {
    const [first] = group;
    if (!first) return;
    const { step, promptId } = first;
    const groups = steps.get(step) ?? new Map<string, Measured>();
    steps.set(step, groups);
    groups.set(promptId, { leaks: await leaksOf(group, first, privileged), scored: group.flatMap(scoredSample) });
    for (const [past, measured] of [...steps].sort(([a], [b]) => a - b)) {
      if (measured.size < prompts && past >= step - overlap) continue;
      // What has no record yet is reported with a group that comes now.
      if (!emit && !earlier?.reported.has(past)) continue;
      steps.delete(past);
      // Sums of floats depend on their order, and groups are scored beside each other.
      const inOrder = [...measured].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
      const metric = report(past, inOrder);
      if (metric) emit?.(metric);
    }
  };

  let restored: Promise<void> | undefined;
  const restore = async (): Promise<void> => {
    for await (const group of earlier?.groups() ?? []) await measure(group);
  };
  const take = async (group: readonly TeacherScore[], side: Side): Promise<readonly TeacherScore[]> => {
    restored ??= restore();
    await restored;
    await measure(group, (metric) => side.emit('metrics', metric));
    return group;
  };

  return (side) => (scores) =>
    scores.pipe(
      toArray(),
      concatMap((group) => from(take(group, side))),
      concatMap((group) => group),
    );
}

async function leaksOf(
  group: readonly TeacherScore[],
  first: TeacherScore,
  store: PrivilegedStore,
): Promise<readonly JudgedLeak[]> {
  const asOf = first.teacherLogprobs === null ? undefined : first.documents;
  try {
    const { pieces } = await store.lookup(first.itemId, lastQuestion(first.messages), asOf);
    const prompt = first.messages.map(({ content }) => content).join('\n');
    const privileged = pieces.map(({ content }) => content);
    return group.map(({ completion, verdict }) => ({
      ...leakOf({ prompt, completion, privileged }),
      judgement: verdict === 'correct' ? 'correct' : 'incorrect',
    }));
  } catch (error) {
    // A group that was not scored may have no context, and one that was may have lost it since: there is nothing to compare with.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** A sample with a NaN is no measurement; the shaper refuses it by name. */
function scoredSample({ samplingLogprobs, teacherLogprobs }: TeacherScore): ScoredSample[] {
  if (!teacherLogprobs) return [];
  const sample = { student: float32Array(samplingLogprobs), teacher: float32Array(teacherLogprobs) };
  const broken =
    sample.student.length !== sample.teacher.length || [...sample.student, ...sample.teacher].some(Number.isNaN);
  return broken ? [] : [sample];
}

const eachJudgement = <T>(value: (judgement: Judgement) => T): ByJudgement<T> => ({
  correct: value('correct'),
  incorrect: value('incorrect'),
});

const valueNames = { repeated: 'leakRepeated', cited: 'leakCited', length: 'completionWords' };
const suffixes = { correct: 'Correct', incorrect: 'Incorrect' };

/** What was judged so lately, beside its base. */
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

/**
 * What the topics say of the earlier part of a run; undefined where it has no `leak` record yet.
 * @param prompts of a step, and `samples` of a prompt
 * @param overlap steps that may be under way beside each other
 */
export async function earlierLeaks(
  log: TopicLog,
  { prompts, samples, overlap }: { readonly prompts: number; readonly samples: number; readonly overlap: number },
): Promise<EarlierLeaks | undefined> {
  let base: LeakBase | undefined;
  const reported = new Set<number>();
  for await (const record of scan(log, 'metrics', 0)) {
    if (record.value === null || record.key !== 'leak') continue;
    const { step, values } = fromRecord('metrics', { ...record, value: record.value });
    reported.add(step);
    base = baseOf(values);
  }
  if (!base) return undefined;
  const partitions = (await log.describe()).find(({ name }) => name === 'teacher-scores')?.bounds ?? [];
  // Where other processes may score some of the partitions, what was scored is not this one's.
  const own = partitions.length === 1;
  const steps = RECENT_STEPS + overlap + 1;
  return {
    base,
    reported: own ? reported : new Set(),
    groups: () => (own ? latestGroups(log, Math.max(...reported) - steps, steps * prompts * samples) : none()),
  };
}

async function* none(): AsyncGenerator<never> {}

/** The groups of the steps after `step`, which are among the latest records. */
async function* latestGroups(log: TopicLog, step: number, records: number): AsyncGenerator<readonly TeacherScore[]> {
  let group: TeacherScore[] = [];
  for await (const record of scan(log, 'teacher-scores', 0, await lastOffset(log, 'teacher-scores', 0, records))) {
    if (record.value === null) continue;
    const score = fromRecord('teacher-scores', { ...record, value: record.value });
    if (score.step <= step) continue;
    if (group[0] && group[0].promptId !== score.promptId) {
      yield group;
      group = [];
    }
    group.push(score);
  }
  if (group.length > 0) yield group;
}

function baseOf(values: Readonly<Record<string, number>>): LeakBase {
  const value = (name: string): number => values[name] ?? 0;
  const spread = (judgement: Judgement): Spread => {
    const meter = (name: LeakName) => `${valueNames[name]}${suffixes[judgement]}Base`;
    return {
      prompts: value(`prompts${suffixes[judgement]}Base`),
      mean: eachMeter((name) => value(meter(name))),
      sd: eachMeter((name) => value(`${meter(name)}Sd`)),
    };
  };
  return { steps: value('baseSteps'), spreads: eachJudgement(spread) };
}
