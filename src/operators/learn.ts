import { concatMap, Observable, type OperatorFunction } from 'rxjs';
import type { TrainSample } from '../learner/learner.js';
import { float32Array, int32Array } from '../records/arrays.js';
import type { Advantage } from '../records/records.js';

export type { TrainSample } from '../learner/learner.js';

/** Makes one optimiser step of a batch. It does not know which algorithm made the advantages. */
export interface Trainer<Stats> {
  step(samples: readonly TrainSample[]): Promise<Stats>;
}

export interface LearnSettings {
  /** Prompts that make a step's batch. */
  readonly prompts: number;
  /** Version of the weights that the next step starts from. */
  readonly version: () => number;
  /** Oldest policy version behind the current one that may be trained on; 0 is on-policy. */
  readonly maxLag: number;
  /** Takes each sample that is older than that; it is not trained on. */
  readonly stale: (sample: Advantage, age: number) => void;
  /** Steps that are made when the source completes even where no sample of them is left, so that the steps after them follow. */
  readonly expected?: readonly number[];
}

export interface LearnStep<Stats> {
  readonly step: number;
  /** What was trained on, in the order of prompt and sample. */
  readonly samples: readonly Advantage[];
  readonly stats: Stats;
}

/**
 * Collects the groups of one training step, whatever order they come in, and trains on them. A step is complete when `prompts`
 * groups are, or when the source completes; steps are trained one after the other, the lowest first.
 *
 * @example
 * advantages$.pipe(learn(learner, { prompts: 16, maxLag: 0, version: () => step, stale: console.warn }));
 */
export function learn<Stats>(
  trainer: Trainer<Stats>,
  settings: LearnSettings,
): OperatorFunction<Advantage, LearnStep<Stats>> {
  return (advantages) =>
    advantages.pipe(
      byStep(settings.prompts, settings.expected ?? []),
      concatMap(async ([step, batch]) => {
        const version = settings.version();
        const samples = batch.filter((sample) => {
          const age = version - sample.policyVersion;
          if (age > settings.maxLag) settings.stale(sample, age);
          return age <= settings.maxLag;
        });
        return { step, samples, stats: await trainer.step(samples.map(trainSample)) };
      }),
    );
}

/** What a trainer takes of a record. */
export function trainSample(sample: Advantage): TrainSample {
  return {
    promptTokens: int32Array(sample.promptTokens),
    completionTokens: int32Array(sample.completionTokens),
    mask: sample.mask,
    samplingLogprobs: float32Array(sample.samplingLogprobs),
    tokenAdvantages: float32Array(sample.tokenAdvantages),
    temperature: sample.temperature,
  };
}

function byStep(
  prompts: number,
  expected: readonly number[],
): OperatorFunction<Advantage, readonly [number, Advantage[]]> {
  return (advantages) =>
    new Observable((subscriber) => {
      const open = new Map<number, Advantage[]>();
      const given = new Set<number>();
      const giveOut = (step: number, samples: Advantage[]) => {
        if (expected.includes(step)) given.add(step);
        open.delete(step);
        samples.sort((a, b) => Number(a.sequence - b.sequence) || a.sampleIndex - b.sampleIndex);
        subscriber.next([step, samples]);
      };
      const inOrder = () => [...open].sort(([a], [b]) => a - b);
      const giveOutComplete = () => {
        for (const [step, samples] of inOrder()) {
          if (samples.length < prompts * (samples[0]?.groupSize ?? 1)) return;
          giveOut(step, samples);
        }
      };
      return advantages.subscribe({
        next(sample) {
          const samples = open.get(sample.step) ?? [];
          open.set(sample.step, samples);
          samples.push(sample);
          if (samples.length === prompts * sample.groupSize) giveOutComplete();
        },
        error: (error) => subscriber.error(error),
        complete() {
          for (const step of expected) if (!given.has(step) && !open.has(step)) open.set(step, []);
          for (const [step, samples] of inOrder()) giveOut(step, samples);
          subscriber.complete();
        },
      });
    });
}
