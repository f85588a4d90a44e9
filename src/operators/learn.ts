import { concatMap, type OperatorFunction, type SchedulerLike } from 'rxjs';
import type { TrainSample } from '../learner/learner.js';
import { float32Array, int32Array } from '../records/arrays.js';
import { distillationTargets } from '../records/distillation.js';
import type { Advantage } from '../records/records.js';
import { collectSteps } from './internal/collect-steps.js';

export type { TrainSample } from '../learner/learner.js';

/** Makes one optimizer step on a batch. It does not know which method made the advantages. */
export interface Trainer<Stats> {
  step(samples: readonly TrainSample[]): Promise<Stats>;
}

export interface LearnSettings<A extends Advantage = Advantage> {
  /** Prompts per step. */
  readonly prompts: number;
  /** Version of the weights that the next step starts from. */
  readonly version: () => number;
  /** How many versions behind the current one a sample may be; 0 is on-policy. */
  readonly maxLag: number;
  /** Receives each sample that is older. It is not trained on. */
  readonly onStale: (sample: A, age: number) => void;
  /** Steps to make even where no sample of them is left when the source completes, so that later steps can follow. */
  readonly expected?: readonly number[];
  /** Steps that may be incomplete at the same time. Default 16, or as many as are `expected`. */
  readonly openSteps?: number;
  /** Milliseconds that an incomplete step may wait for its next sample. Default 600,000 (10 minutes). */
  readonly timeoutMs?: number;
  /** Runs the time-out. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface LearnStep<Stats, A extends Advantage = Advantage> {
  readonly step: number;
  /** The samples trained on, ordered by prompt and sample. */
  readonly samples: readonly A[];
  readonly stats: Stats;
}

/**
 * Collects the groups of each training step, in whatever order they arrive, and trains on them. A step is complete when
 * `prompts` groups are, or when the source completes. Steps are trained one after the other in ascending order. Of
 * samples that arrive twice the first counts.
 *
 * @throws {RangeError} for settings that cannot work.
 * @throws {UserError} `open-steps`, `step-timeout` on the stream, when a step does not complete.
 * @example
 * advantages$.pipe(learn(learner, { prompts: 16, maxLag: 0, version: () => step, onStale: console.warn }));
 */
export function learn<Stats, A extends Advantage = Advantage>(
  trainer: Trainer<Stats>,
  settings: LearnSettings<A>,
): OperatorFunction<A, LearnStep<Stats, A>> {
  const { prompts, version, maxLag, onStale, expected = [], timeoutMs = 600_000, scheduler } = settings;
  if (!(maxLag >= 0)) throw new RangeError(`maxLag is ${maxLag}, expected 0 or more`);
  const openSteps = settings.openSteps ?? Math.max(16, expected.length);
  const steps = collectSteps<A>({ prompts, openSteps, timeoutMs, expected, ...(scheduler && { scheduler }) });
  const train = async ([step, batch]: readonly [number, readonly A[]]) => {
    const current = version();
    const samples = batch.filter((sample) => {
      const age = current - sample.policyVersion;
      if (age > maxLag) onStale(sample, age);
      return age <= maxLag;
    });
    return { step, samples, stats: await trainer.step(samples.map(trainSample)) };
  };
  return (advantages) => advantages.pipe(steps, concatMap(train));
}

/** The part of a record that a trainer reads. */
export function trainSample(sample: Advantage): TrainSample {
  const { tokenWeights, referenceLogprobs, distillation } = sample;
  return {
    id: `${sample.promptId}/${sample.sampleIndex}`,
    promptTokens: int32Array(sample.promptTokens),
    completionTokens: int32Array(sample.completionTokens),
    mask: sample.mask,
    samplingLogprobs: float32Array(sample.samplingLogprobs),
    tokenAdvantages: float32Array(sample.tokenAdvantages),
    temperature: sample.temperature,
    ...(tokenWeights && { tokenWeights: float32Array(tokenWeights) }),
    ...(referenceLogprobs && { referenceLogprobs: float32Array(referenceLogprobs) }),
    ...(distillation && { distillation: distillationTargets(distillation) }),
  };
}
