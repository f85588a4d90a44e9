import type { RootDatabase } from 'lmdb';

type Action<T> = (db: RootDatabase<Buffer, Buffer>) => T;
type Write = <T>(action: Action<T>) => T;

interface Job {
  readonly action: Action<unknown>;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Transactions that share one wait for the disk; more would hold what they append in memory. */
const MOST = 256;

export interface GroupCommit {
  commit<T>(action: Action<T>): Promise<T>;
  /** Writes what was asked for and not begun. */
  flush(): void;
}

/**
 * Joins the transactions that are asked for in one turn of the event loop. While a write waits for the disk the loop stands still,
 * so what happens meanwhile is asked for in the turn after it: the slower the disk, the larger the groups.
 */
export function groupCommit(write: Write): GroupCommit {
  const jobs: Job[] = [];
  let scheduled: NodeJS.Immediate | undefined;

  /** Each result, or the error that nothing of its transaction was written for. */
  const together = (group: readonly Job[]): readonly (() => void)[] => {
    try {
      const results = write((db) => group.map(({ action }) => action(db)));
      return group.map(
        ({ resolve }, i) =>
          () =>
            resolve(results[i] as never),
      );
    } catch (error) {
      if (group.length === 1)
        return group.map(
          ({ reject }) =>
            () =>
              reject(error),
        );
      // One of them failed and took the rest along, or all of them are more than the disk takes.
      return group.flatMap((job) => together([job]));
    }
  };

  const flush = () => {
    clearImmediate(scheduled);
    scheduled = undefined;
    while (jobs.length > 0) for (const settle of together(jobs.splice(0, MOST))) settle();
  };

  return {
    commit: (action) =>
      new Promise((resolve, reject) => {
        jobs.push({ action, resolve, reject });
        scheduled ??= setImmediate(flush);
      }),
    flush,
  };
}
