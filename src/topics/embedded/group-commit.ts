import type { RootDatabase } from 'lmdb';

type Action<T> = (db: RootDatabase<Buffer, Buffer>) => T;
type Write = <T>(action: Action<T>) => T;

interface Job {
  readonly action: Action<unknown>;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Maximum transactions per disk sync; bounds the memory for pending records. */
const MOST = 256;

export interface GroupCommit {
  commit<T>(action: Action<T>): Promise<T>;
  /** Runs the pending transactions now. */
  flush(): void;
}

/**
 * Groups the transactions requested in one turn of the event loop. A write blocks the loop until the disk has synced,
 * and everything that arrives in the meantime runs in the next turn: the slower the disk, the larger the groups.
 */
export function groupCommit(write: Write): GroupCommit {
  const jobs: Job[] = [];
  let scheduled: NodeJS.Immediate | undefined;

  /** The result of each transaction, or the error that prevented it. */
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
      // One transaction failed and aborted the rest, or together they exceed the disk space.
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
