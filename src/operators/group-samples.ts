import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import { duration } from './internal/settings.js';
import { subscribeFor } from './internal/subscribe.js';
import { arrive, isComplete, type UnitProgress, unitProgress } from './internal/unit.js';

/** What ties the samples of one prompt together. */
export interface GroupMember {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly groupSize: number;
}

export interface GroupSettings {
  /** Milliseconds from a group's first sample until it is emitted without the missing ones. Default: never. */
  readonly timeoutMs?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

interface OpenGroup<T> {
  readonly members: T[];
  readonly progress: UnitProgress;
  readonly timer: Subscription | undefined;
}

/**
 * Collects the samples of each prompt and emits every group once, ordered by `sampleIndex`.
 *
 * A group is emitted when it is complete, when its time is up, or when the source completes. An incomplete one is
 * shorter than `groupSize`. Of samples that arrive twice the first counts. Only open groups are kept in memory, so a
 * source that can lose samples needs `timeoutMs`.
 *
 * @throws {RangeError} unless `timeoutMs` is a finite number of at least 0.
 * @throws {UserError} `bad-sample` on the stream, for a `sampleIndex` outside of 0 to `groupSize` - 1.
 * @example
 * verdicts$.pipe(groupSamples({ timeoutMs: 60_000 })).subscribe((group) => console.log(group.length));
 */
export function groupSamples<T extends GroupMember>(settings: GroupSettings = {}): OperatorFunction<T, readonly T[]> {
  const { timeoutMs, scheduler = asyncScheduler } = settings;
  if (timeoutMs !== undefined) duration('timeoutMs', timeoutMs);
  return (source) =>
    new Observable((subscriber) => {
      const open = new Map<string, OpenGroup<T>>();
      const emit = (promptId: string, { members, timer }: OpenGroup<T>) => {
        open.delete(promptId);
        timer?.unsubscribe();
        subscriber.next(members.sort((a, b) => a.sampleIndex - b.sampleIndex));
      };
      const openGroup = (promptId: string): OpenGroup<T> => {
        const timer = timeoutMs === undefined ? undefined : scheduler.schedule(() => emit(promptId, group), timeoutMs);
        const group: OpenGroup<T> = { members: [], progress: unitProgress(), timer };
        open.set(promptId, group);
        return group;
      };
      subscriber.add(() => {
        for (const { timer } of open.values()) timer?.unsubscribe();
      });
      subscribeFor(subscriber, source, {
        next(member) {
          const { promptId } = member;
          const group = open.get(promptId) ?? openGroup(promptId);
          if (arrive(group.progress, member)) group.members.push(member);
          if (isComplete(group.progress)) emit(promptId, group);
        },
        complete() {
          for (const [promptId, group] of open) emit(promptId, group);
          subscriber.complete();
        },
      });
    });
}
