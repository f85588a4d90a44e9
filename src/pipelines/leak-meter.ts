import { concatMap, from, type OperatorFunction, toArray } from 'rxjs';
import { UserError } from '../errors.js';
import { lastQuestion } from '../operators/verify.js';
import { differenceByPosition, differenceMetrics, type ScoredSample } from '../privileged/difference.js';
import {
  type LeakSummary,
  leakAlarms,
  leakMetrics,
  leakSummary,
  leakThresholds,
  mergeLeaks,
} from '../privileged/leak.js';
import type { PrivilegedStore } from '../privileged/store.js';
import { float32Array } from '../topics/arrays.js';
import type { TopicLog } from '../topics/log.js';
import type { Metric, TeacherScore } from '../topics/records.js';
import { scan } from '../topics/scan.js';
import type { Side } from './stage.js';
import { fromRecord } from './wire.js';

/** Steps from the start of the run that make the base. */
const BASE_STEPS = 5;
/** Stretches of a completion over which teacher minus student is reported. */
const STRETCHES = 5;

interface Measured {
  /** null where the context is not there to compare with. */
  readonly leak: LeakSummary | null;
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
  /** The base of an earlier part of the run. */
  readonly base?: LeakBase | undefined;
}

interface LeakBase {
  readonly steps: number;
  readonly summary: LeakSummary;
}

/** Passes teacher scores on and measures them: the groups of a step make one `metrics` record of stage `leak`. */
export type LeakMeter = (side: Side) => OperatorFunction<TeacherScore, TeacherScore>;

/**
 * Does the student begin to repeat what only the teacher was shown? Every group is measured, those without an advantage too: a leak that
 * makes every answer right leaves no advantage. A step whose groups do not all come is reported when the steps that may overlap it are past.
 */
export function leakMeter(settings: LeakMeterSettings): LeakMeter {
  const { run, now, prompts, overlap, privileged, onAlarm } = settings;
  const steps = new Map<number, Map<string, Measured>>();
  let base = settings.base;
  let recent: readonly LeakSummary[] = [];
  let sounding: readonly string[] = [];

  const report = (step: number, groups: readonly Measured[]): Metric | undefined => {
    const leaks = groups.flatMap(({ leak }) => (leak ? [leak] : []));
    const [first, ...others] = leaks;
    if (!first) return undefined;
    const summary = others.reduce(mergeLeaks, first);
    if (!base) base = { steps: 1, summary };
    else if (base.steps < BASE_STEPS) base = { steps: base.steps + 1, summary: mergeLeaks(base.summary, summary) };
    // Small steps are judged together with the ones before, as single samples say little.
    recent = [summary, ...recent];
    let samples = 0;
    recent = recent.filter((one) => {
      const enough = samples >= leakThresholds.minSamples;
      samples += one.samples;
      return !enough;
    });
    const alarms = leakAlarms(recent.reduce(mergeLeaks), base.summary);
    const meters = alarms.map((alarm) => alarm.split(':')[0] ?? alarm);
    for (const [k, alarm] of alarms.entries()) if (!sounding.includes(meters[k] ?? '')) onAlarm(step, alarm);
    sounding = meters;
    const scored = groups.flatMap((group) => group.scored);
    const values = {
      samples: summary.samples,
      ...leakMetrics(summary, base.summary),
      leakLongestRunBase: base.summary.longestRun,
      baseSamples: base.summary.samples,
      baseSteps: base.steps,
      ...(scored.length > 0 && differenceMetrics(differenceByPosition(scored, STRETCHES))),
    };
    return { run, stage: 'leak', step, time: now(), values, message: alarms.length > 0 ? alarms.join('; ') : null };
  };

  const take = async (group: readonly TeacherScore[], side: Side): Promise<readonly TeacherScore[]> => {
    const [first] = group;
    if (!first) return group;
    const { step, promptId } = first;
    const groups = steps.get(step) ?? new Map<string, Measured>();
    steps.set(step, groups);
    groups.set(promptId, { leak: await leakOf(group, first, privileged), scored: group.flatMap(scoredSample) });
    for (const [past, measured] of [...steps].sort(([a], [b]) => a - b)) {
      if (measured.size < prompts && past >= step - overlap) continue;
      steps.delete(past);
      // Sums of floats depend on their order, and groups are scored beside each other.
      const inOrder = [...measured].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
      const metric = report(past, inOrder);
      if (metric) side.emit('metrics', metric);
    }
    return group;
  };

  return (side) => (scores) =>
    scores.pipe(
      toArray(),
      concatMap((group) => from(take(group, side))),
      concatMap((group) => group),
    );
}

async function leakOf(
  group: readonly TeacherScore[],
  first: TeacherScore,
  store: PrivilegedStore,
): Promise<LeakSummary | null> {
  const asOf = first.teacherLogprobs === null ? undefined : first.documents;
  try {
    const { pieces } = await store.lookup(first.itemId, lastQuestion(first.messages), asOf);
    const prompt = first.messages.map(({ content }) => content).join('\n');
    const privileged = pieces.map(({ content }) => content);
    return leakSummary(group.map(({ completion }) => ({ prompt, completion, privileged })));
  } catch (error) {
    // A group that was not scored may have no context, and one that was may have lost it since: there is nothing to compare with.
    if (error instanceof UserError) return null;
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

/** The base that the newest `leak` record of a run's metrics names. */
export async function lastBase(log: TopicLog): Promise<LeakBase | undefined> {
  let last: LeakBase | undefined;
  for await (const record of scan(log, 'metrics', 0)) {
    if (record.value === null || record.key !== 'leak') continue;
    const { values } = fromRecord('metrics', { ...record, value: record.value });
    const value = (name: string): number => values[name] ?? 0;
    last = {
      steps: value('baseSteps'),
      summary: {
        samples: value('baseSamples'),
        repeated: value('leakRepeatedBase'),
        longestRun: value('leakLongestRunBase'),
        cited: value('leakCitedBase'),
        length: value('completionWordsBase'),
      },
    };
  }
  return last;
}
