import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import { UserError } from '../../support/errors.js';
import { duration, positiveInteger } from './settings.js';
import { subscribeFor } from './subscribe.js';
import { arrive, describeProgress, isComplete, type UnitProgress, unitProgress } from './unit.js';

/** What ties a sample to its training step. */
export interface StepMember {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly groupSize: number;
  readonly step: number;
  readonly sequence: bigint;
}

export interface StepSettings {
  /** Prompts per step. */
  readonly prompts: number;
  /** Steps that may be incomplete at the same time. */
  readonly openSteps: number;
  /** Milliseconds that a step may wait for its next sample. */
  readonly timeoutMs: number;
  /** Steps that are emitted when the source completes even where no sample of them arrived. */
  readonly expected?: readonly number[];
  readonly scheduler?: SchedulerLike;
}

interface OpenStep<T> {
  readonly step: number;
  readonly samples: T[];
  readonly progress: UnitProgress;
  timer: Subscription | undefined;
}

/**
 * Collects the samples of each training step and emits the steps in ascending order, each ordered by prompt and sample.
 * A step waits for the open ones below it. What is open when the source completes is emitted as it is.
 *
 * @throws {UserError} `open-steps`, `step-timeout` on the stream, naming the step and what it has.
 * @throws {RangeError} for settings that cannot work.
 */
export function collectSteps<T extends StepMember>(
  settings: StepSettings,
): OperatorFunction<T, readonly [step: number, samples: readonly T[]]> {
  const prompts = positiveInteger('prompts', settings.prompts);
  const openSteps = positiveInteger('openSteps', settings.openSteps);
  const timeoutMs = duration('timeoutMs', settings.timeoutMs);
  const { expected = [], scheduler = asyncScheduler } = settings;
  return (source) =>
    new Observable((subscriber) => {
      const open = new Map<number, OpenStep<T>>();
      const emitted = new Set<number>();
      const inOrder = () => [...open.values()].sort((a, b) => a.step - b.step);
      const emit = ({ step, samples, timer }: OpenStep<T>) => {
        timer?.unsubscribe();
        open.delete(step);
        if (expected.includes(step)) emitted.add(step);
        samples.sort((a, b) => Number(a.sequence - b.sequence) || a.sampleIndex - b.sampleIndex);
        subscriber.next([step, samples]);
      };
      const openStep = (step: number): OpenStep<T> => {
        const opened: OpenStep<T> = { step, samples: [], progress: unitProgress(prompts), timer: undefined };
        open.set(step, opened);
        return opened;
      };
      const watch = (waiting: OpenStep<T>) => {
        waiting.timer?.unsubscribe();
        waiting.timer = scheduler.schedule(() => subscriber.error(late(waiting, timeoutMs)), timeoutMs);
      };
      subscriber.add(() => {
        for (const { timer } of open.values()) timer?.unsubscribe();
      });
      subscribeFor(subscriber, source, {
        next(sample) {
          const current = open.get(sample.step) ?? openStep(sample.step);
          const [oldest] = inOrder();
          if (oldest && open.size > openSteps) throw tooMany(oldest, open.size, openSteps);
          if (!arrive(current.progress, sample)) return;
          current.samples.push(sample);
          if (!isComplete(current.progress)) return watch(current);
          current.timer?.unsubscribe();
          for (const step of inOrder()) {
            if (!isComplete(step.progress)) return;
            emit(step);
          }
        },
        complete() {
          for (const step of expected) if (!emitted.has(step) && !open.has(step)) openStep(step);
          for (const step of inOrder()) emit(step);
          subscriber.complete();
        },
      });
    });
}

function tooMany<T>(oldest: OpenStep<T>, found: number, limit: number): UserError {
  return new UserError(
    'open-steps',
    `${found} steps are incomplete, expected at most ${limit}; step ${oldest.step}: ` +
      `${describeProgress(oldest.progress)}`,
  );
}

function late<T>({ step, progress }: OpenStep<T>, timeoutMs: number): UserError {
  return new UserError(
    'step-timeout',
    `step ${step} got no sample for ${timeoutMs} ms and is incomplete: ${describeProgress(progress)}`,
  );
}
