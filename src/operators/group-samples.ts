import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';

/** What ties the records of one group together. */
export interface GroupMember {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly groupSize: number;
}

export interface GroupSettings {
  /** Milliseconds after a group's first member at which it is given out without the missing ones. Default: never. */
  readonly timeoutMs?: number;
  readonly scheduler?: SchedulerLike;
}

/**
 * Collects the samples of a prompt and gives out each group once, in the order of `sampleIndex`.
 *
 * A group is given out when it is complete, when its time is up, or when the source completes. One that lacks members
 * shows it by being shorter than `groupSize`; nothing is dropped. Memory holds the open groups only, so a source
 * in which members can go missing needs `timeoutMs`.
 *
 * @example
 * verdicts$.pipe(groupSamples({ timeoutMs: 60_000 })).subscribe((group) => console.log(group.length));
 */
export function groupSamples<T extends GroupMember>(settings: GroupSettings = {}): OperatorFunction<T, readonly T[]> {
  const { timeoutMs, scheduler = asyncScheduler } = settings;
  return (source) =>
    new Observable((subscriber) => {
      const open = new Map<string, { members: T[]; timer?: Subscription }>();
      const giveOut = (promptId: string) => {
        const group = open.get(promptId);
        if (!group) return;
        open.delete(promptId);
        group.timer?.unsubscribe();
        subscriber.next(group.members.sort((a, b) => a.sampleIndex - b.sampleIndex));
      };
      const subscription = source.subscribe({
        next(member) {
          let group = open.get(member.promptId);
          if (!group) {
            group = { members: [] };
            open.set(member.promptId, group);
            if (timeoutMs !== undefined) group.timer = scheduler.schedule(() => giveOut(member.promptId), timeoutMs);
          }
          group.members.push(member);
          if (group.members.length === member.groupSize) giveOut(member.promptId);
        },
        error: (error) => subscriber.error(error),
        complete() {
          for (const promptId of [...open.keys()]) giveOut(promptId);
          subscriber.complete();
        },
      });
      return () => {
        subscription.unsubscribe();
        for (const group of open.values()) group.timer?.unsubscribe();
      };
    });
}
