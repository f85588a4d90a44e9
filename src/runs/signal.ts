import type { PipelineSpec } from '../pipelines/spec/spec.js';
import type { Advantage, Metric, Verdict } from '../records/records.js';
import { FILTERED, type Gap } from '../topics/record-codec.js';
import type { RewardSummary, Signal, Summary } from './options.js';

type Steps = readonly Pick<Metric, 'step' | 'values'>[];

/**
 * The signal of a run from the figures of its steps; null without any step.
 * @param weightsChanged looks at the weights, so it is asked only where there is a step
 */
export function signalOf(steps: Steps, weightsChanged: () => boolean): Signal | null {
  if (steps.length === 0) return null;
  // Steps that an older release made lack some figures.
  const sum = (name: string) => steps.reduce((total, { values }) => total + (values[name] ?? 0), 0);
  const tokens = sum('signalTokens');
  return {
    groups: sum('groups'),
    groupsWithSignal: sum('groupsWithSignal'),
    samples: sum('judged'),
    unparseable: sum('unparseable'),
    truncated: sum('truncated'),
    lost: sum('lost'),
    teacherAsked: sum('teacherAsked'),
    teacherMoved: tokens === 0 ? null : sum('movedTokens') / tokens,
    weightsChanged: weightsChanged(),
  };
}

/** Mean rewards of a run, and of each of its tasks; null where no sample was judged. */
export function rewardOf({ tasks }: Pick<PipelineSpec, 'tasks'>, steps: Steps): Summary['reward'] {
  const whole = rewardsOf(steps, '');
  if (!whole || !tasks) return whole;
  const each = Object.keys(tasks).flatMap((name) => {
    const own = rewardsOf(steps, `/${name}`);
    return own ? [[name, own] as const] : [];
  });
  return { ...whole, tasks: Object.fromEntries(each) };
}

function rewardsOf(steps: Steps, suffix: string): RewardSummary | null {
  const judged = steps.filter(({ values }) => (values[`judged${suffix}`] ?? 0) > 0).sort((a, b) => a.step - b.step);
  if (judged.length === 0) return null;
  const mean = (of: Steps): number => {
    const total = (figure: (values: Metric['values']) => number) =>
      of.reduce((sum, { values }) => sum + figure(values), 0);
    const count = (values: Metric['values']) => values[`judged${suffix}`] ?? 0;
    return total((values) => (values[`reward${suffix}`] ?? 0) * count(values)) / total(count);
  };
  const tenth = Math.ceil(judged.length / 10);
  return { mean: mean(judged), first: mean(judged.slice(0, tenth)), last: mean(judged.slice(-tenth)) };
}

/** Counts the judged samples of a run without training, record by record. */
export function judgedCounts() {
  /** By prompt: the first reward, and whether another differs. */
  const groups = new Map<string, { readonly reward: number; differs: boolean }>();
  const counts = { samples: 0, correct: 0, unparseable: 0, truncated: 0, lost: 0, teacherAsked: 0 };
  let reward = 0;
  return {
    take(sample: Verdict | Advantage): void {
      const group = groups.get(sample.promptId) ?? { reward: sample.reward, differs: false };
      groups.set(sample.promptId, group);
      group.differs ||= sample.reward !== group.reward;
      reward += sample.reward;
      counts.samples++;
      if (sample.verdict === 'correct') counts.correct++;
      if (sample.verdict === 'unparseable') counts.unparseable++;
      if (sample.finishReason === 'length') counts.truncated++;
      if ('teacherVersion' in sample && sample.teacherVersion !== null) counts.teacherAsked++;
    },
    lose({ cause, sampleIndex }: Gap, samplesPerGroup: number): void {
      if (cause !== FILTERED) counts.lost += sampleIndex === null ? samplesPerGroup : 1;
    },
    result(): { readonly correct: number; readonly reward: number | null; readonly signal: Signal } {
      const { correct, ...rest } = counts;
      const groupsWithSignal = [...groups.values()].filter(({ differs }) => differs).length;
      return {
        correct,
        reward: counts.samples > 0 ? reward / counts.samples : null,
        signal: { groups: groups.size, groupsWithSignal, ...rest, teacherMoved: null, weightsChanged: null },
      };
    },
  };
}
