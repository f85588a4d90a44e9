import { concatMap, from, type OperatorFunction, toArray } from 'rxjs';
import { lastQuestion } from '../../operators/verify.js';
import { leakOf } from '../../privileged/leaks/leak.js';
import {
  type GroupLeaks,
  type LeakBase,
  type LeakState,
  leakBaseOf,
  measureStep,
  RECENT_STEPS,
  startOfRun,
} from '../../privileged/leaks/meter.js';
import type { ScoredSample } from '../../privileged/leaks/score-difference.js';
import type { JudgedLeak } from '../../privileged/leaks/spread.js';
import type { PrivilegedStore } from '../../privileged/store.js';
import { float32Array } from '../../records/arrays.js';
import type { Metric, TeacherScore } from '../../records/records.js';
import type { Side } from '../../runtime/stage.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { recordIn } from '../../topics/record-codec.js';
import { lastOffset, recordsOf, scan } from '../../topics/scan.js';

export interface LeakMeterSettings {
  readonly run: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Prompts per step. */
  readonly prompts: number;
  /** Number of steps that may be in progress at once. */
  readonly overlap: number;
  readonly privileged: PrivilegedStore;
  readonly onAlarm: (step: number, message: string) => void;
  /** What the part of the run before a restart left in the topics. */
  readonly earlier?: EarlierLeaks | undefined;
}

/** What a meter needs to continue after a restart as if there had been none. */
export interface EarlierLeaks {
  /** From the newest record. */
  readonly base: LeakBase;
  /** Steps that have a record. */
  readonly reported: ReadonlySet<number>;
  /** The groups of the latest steps, in topic order. */
  groups(): AsyncIterable<readonly TeacherScore[]>;
}

/** Passes teacher scores through and emits one `metrics` record of stage `leak` per step. */
export type LeakMeter = (side: Side) => OperatorFunction<TeacherScore, TeacherScore>;

/** The meter between two groups. */
interface Metering {
  readonly settings: LeakMeterSettings;
  /** By step and prompt: the groups of steps that are not reported yet. */
  readonly open: Map<number, Map<string, GroupLeaks>>;
  state: LeakState;
}

/**
 * Measures whether the student starts to repeat what only the teacher was shown. Groups without an advantage are
 * measured too: a leak that makes every answer correct leaves no advantage. A step with missing groups is reported once
 * the steps that may overlap it are past.
 */
export function leakMeter(settings: LeakMeterSettings): LeakMeter {
  const { earlier } = settings;
  const metering: Metering = {
    settings,
    open: new Map(),
    state: earlier ? { ...startOfRun, base: earlier.base } : startOfRun,
  };
  let restored: Promise<void> | undefined;
  const restore = async (): Promise<void> => {
    if (earlier) for await (const group of earlier.groups()) await takeGroup(metering, group);
  };
  const take = async (group: readonly TeacherScore[], side: Side): Promise<readonly TeacherScore[]> => {
    restored ??= restore();
    await restored;
    await takeGroup(metering, group, (metric) => side.emit('metrics', metric));
    return group;
  };
  return (side) => (scores) =>
    scores.pipe(
      toArray(),
      concatMap((group) => from(take(group, side))),
      concatMap((group) => group),
    );
}

/** @param emit missing while an earlier part of the run is restored */
async function takeGroup(
  metering: Metering,
  group: readonly TeacherScore[],
  emit?: (metric: Metric) => void,
): Promise<void> {
  const { open, settings } = metering;
  const [first] = group;
  if (!first) return;
  const groups = open.get(first.step) ?? new Map<string, GroupLeaks>();
  open.set(first.step, groups);
  groups.set(first.promptId, {
    leaks: await leaksOf(group, first, settings.privileged),
    scored: group.flatMap(scoredSample),
  });
  for (const [step, measured] of [...open].sort(([a], [b]) => a - b)) {
    if (measured.size < settings.prompts && step > first.step - settings.overlap) continue;
    const isReported = settings.earlier?.reported.has(step) ?? false;
    // While restoring, a step without a record stays open; it is reported together with a group that is still to come.
    if (!emit && !isReported) continue;
    open.delete(step);
    // Groups are scored concurrently, and sums of floats depend on their order.
    const inOrder = [...measured].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    reportStep(metering, step, inOrder, isReported, emit);
  }
}

function reportStep(
  metering: Metering,
  step: number,
  groups: readonly GroupLeaks[],
  isReported: boolean,
  emit?: (metric: Metric) => void,
): void {
  const { run, now, onAlarm } = metering.settings;
  const leaks = measureStep(metering.state, step, groups, isReported);
  if (!leaks) return;
  const { state, values, alarms, raised } = leaks;
  metering.state = state;
  if (isReported) return;
  for (const { message } of raised) onAlarm(step, message);
  const message = alarms.length > 0 ? alarms.map((alarm) => alarm.message).join('; ') : null;
  emit?.({ run, stage: 'leak', step, time: now(), values, message });
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
    // A group that was not scored may have no context, and a scored one may have lost it since: there is nothing to
    // compare with.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Leaves out samples with a NaN; the shape stage refuses those and names them. */
function scoredSample({ samplingLogprobs, teacherLogprobs }: TeacherScore): ScoredSample[] {
  if (!teacherLogprobs) return [];
  const sample = { student: float32Array(samplingLogprobs), teacher: float32Array(teacherLogprobs) };
  const isBroken =
    sample.student.length !== sample.teacher.length || [...sample.student, ...sample.teacher].some(Number.isNaN);
  return isBroken ? [] : [sample];
}

/**
 * Reads from the topics what the earlier part of a run left; undefined when it has no `leak` record yet.
 * @param window prompts per step, samples per prompt, and the number of steps that may be in progress at once
 */
export async function earlierLeaks(
  log: TopicLog,
  window: { readonly prompts: number; readonly samples: number; readonly overlap: number },
): Promise<EarlierLeaks | undefined> {
  const { prompts, samples, overlap } = window;
  let base: LeakBase | undefined;
  const reported = new Set<number>();
  for await (const { step, values } of recordsOf(log, 'metrics', ({ key }) => key === 'leak')) {
    reported.add(step);
    base = leakBaseOf(values);
  }
  if (!base) return undefined;
  const scores = (await log.describe()).find(({ name }) => name === 'teacher-scores');
  // With several partitions, other processes may score some of them, so the scores in the topic are not all ours.
  const isOwn = scores?.partitions === 1;
  const steps = RECENT_STEPS + overlap + 1;
  return {
    base,
    reported: isOwn ? reported : new Set(),
    groups: () => (isOwn ? latestGroups(log, Math.max(...reported) - steps, steps * prompts * samples) : none()),
  };
}

async function* none(): AsyncGenerator<never> {}

/** Groups of the steps after `step`, among the last `records` records. */
async function* latestGroups(log: TopicLog, step: number, records: number): AsyncGenerator<readonly TeacherScore[]> {
  let group: TeacherScore[] = [];
  for await (const record of scan(log, 'teacher-scores', 0, await lastOffset(log, 'teacher-scores', 0, records))) {
    const score = recordIn('teacher-scores', record);
    if (!score || score.step <= step) continue;
    if (group[0] && group[0].promptId !== score.promptId) {
      yield group;
      group = [];
    }
    group.push(score);
  }
  if (group.length > 0) yield group;
}
