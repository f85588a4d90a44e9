import type { Loss } from '../../losses/loss.js';
import { isLossModule, type LossSpec, namedLoss } from '../../losses/loss-spec.js';
import { referenceKl } from '../../losses/reference-kl.js';
import type { Method } from '../../methods/method.js';
import { float32Array } from '../../records/arrays.js';
import type { Advantage } from '../../records/records.js';
import { at, get } from '../../support/required.js';
import { FILTERED, type Gap, type Judged } from '../../topics/record-codec.js';
import type { signalFigures } from './figures.js';

/** The relative change of a token's advantage from which on the teacher counts as having moved it. */
const MOVED = 0.05;

/** Everything that belongs to one training step. */
export interface StepSamples {
  readonly trained: readonly Advantage[];
  /** Samples left out because they are too old. */
  readonly stale: readonly Advantage[];
  /** Samples that never reached the learner. */
  readonly gaps: readonly Gap[];
}

/** What a loss needs to find in a token so that it has a gradient. */
export type Target = Pick<Loss, 'needsAdvantage' | 'readsTop'>;

/** Of the method's loss or that of `learn.loss`. A module is taken to have a gradient everywhere. */
export function targetOf({ loss }: Pick<Method, 'loss'>, own: LossSpec | undefined): Target {
  if (own !== undefined && isLossModule(own)) return { needsAdvantage: false, readsTop: false };
  const { parts, readsTop } = own === undefined ? loss : namedLoss(own);
  // A pull towards the base model is nothing to learn from.
  const learned = parts.filter(({ name }) => name !== referenceKl.name);
  return { needsAdvantage: learned.every(({ needsAdvantage }) => needsAdvantage), readsTop };
}

/** How much of a step can be learned from. */
export type SignalCounts = Readonly<Record<keyof typeof signalFigures, number>>;

/** @param samplesPerGroup samples that a group without any would have had */
export function signalOf(step: StepSamples, target: Target, samplesPerGroup: number): SignalCounts {
  const { trained, stale, gaps } = step;
  const tokens = new Map(trained.map((sample) => [sample, signalTokens(sample, target)]));
  const withSignal = trained.filter((sample) => get(tokens, sample).signal > 0);
  const judged = judgedSamples(step);
  const sum = (of: 'signal' | 'moved') => [...tokens.values()].reduce((total, counts) => total + counts[of], 0);
  return {
    groups: promptsOf([...trained, ...stale, ...gaps]),
    groupsWithSignal: promptsOf(withSignal),
    judged: judged.length,
    unparseable: judged.filter(({ verdict }) => verdict === 'unparseable').length,
    truncated: judged.filter(({ finishReason }) => finishReason === 'length').length,
    lost: lostSamples(gaps, samplesPerGroup).reduce((total, { count }) => total + count, 0),
    dropped: gaps.filter(isDropped).length,
    teacherAsked: trained.filter(({ teacherVersion }) => teacherVersion !== null).length,
    signalTokens: sum('signal'),
    movedTokens: sum('moved'),
  };
}

/** The samples of a step that were judged, whether or not they are trained on. */
export const judgedSamples = ({ trained, stale, gaps }: StepSamples): readonly (Judged & { promptId: string })[] => [
  ...trained,
  ...stale,
  ...gaps.flatMap(({ judged, promptId }) => (judged ? [{ ...judged, promptId }] : [])),
];

/** Samples that became dead letters, by cause. */
export function lostSamples(
  gaps: readonly Gap[],
  samplesPerGroup: number,
): readonly { readonly cause: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const gap of gaps) {
    const { cause, sampleIndex } = gap;
    if (!isDropped(gap)) counts.set(cause, (counts.get(cause) ?? 0) + (sampleIndex === null ? samplesPerGroup : 1));
  }
  return [...counts].map(([cause, count]) => ({ cause, count }));
}

const isDropped = ({ cause }: Gap): boolean => cause === FILTERED;

const promptsOf = (samples: readonly { readonly promptId: string }[]): number =>
  new Set(samples.map(({ promptId }) => promptId)).size;

function signalTokens(sample: Advantage, { needsAdvantage, readsTop }: Target) {
  const { mask, advantage, teacherVersion, distillation } = sample;
  const advantages = float32Array(sample.tokenAdvantages);
  const weights = sample.tokenWeights ? float32Array(sample.tokenWeights) : undefined;
  const isTarget = distillation !== null || (!needsAdvantage && !readsTop);
  let [signal, moved] = [0, 0];
  for (const [t, bit] of mask.entries()) {
    const weight = weights ? at(weights, t) : 1;
    const value = at(advantages, t) * weight;
    if (!bit || !(weight !== 0 && (value !== 0 || isTarget))) continue;
    signal++;
    if (teacherVersion === null) continue;
    if (distillation !== null || Math.abs(value - advantage) > MOVED * Math.abs(advantage)) moved++;
  }
  return { signal, moved };
}
