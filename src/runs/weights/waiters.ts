/** How far a version is: its files are written, or its record is committed as well. */
export type VersionState = 'announced' | 'published';

interface Waiter {
  readonly least: number;
  readonly state: VersionState;
  resolve(version: number): void;
  reject(error: unknown): void;
}

/** Callers that wait for a version of the weights. */
export interface Waiters {
  /** Notes that a version has come so far; `wake` tells the callers. */
  note(state: VersionState, version: number): void;
  wake(): void;
  /** Notes a version and wakes those who waited for it. */
  reached(state: VersionState, version: number): void;
  /** The newest version of the state; -1 before the first. */
  newest(state: VersionState): number;
  /** Resolves to the newest version once it is at least `least`. Rejects when a poll fails, or on `close`. */
  atLeast(state: VersionState, least: number): Promise<number>;
  readonly count: () => number;
  /** The versions that callers wait for, the lowest first. */
  readonly awaited: () => readonly number[];
  close(): void;
}

/**
 * @param pollMs time between two calls of `poll` while somebody waits
 * @param poll finds out about new versions: calls `note` and `wake`
 */
export function newWaiters(pollMs: number, poll: () => Promise<void>): Waiters {
  const waiting = new Set<Waiter>();
  const newest: Record<VersionState, number> = { announced: -1, published: -1 };
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const note = (state: VersionState, version: number) => {
    newest[state] = Math.max(newest[state], version);
  };
  const wake = () => {
    for (const waiter of waiting) {
      if (newest[waiter.state] < waiter.least) continue;
      waiting.delete(waiter);
      waiter.resolve(newest[waiter.state]);
    }
  };
  const rejectAll = (error: unknown) => {
    for (const waiter of waiting) waiter.reject(error);
    waiting.clear();
  };
  const watch = () => {
    if (timer || closed || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      poll().then(watch, rejectAll);
    }, pollMs);
  };

  return {
    note,
    wake,
    reached(state, version) {
      note(state, version);
      wake();
    },
    newest: (state) => newest[state],
    async atLeast(state, least) {
      if (newest[state] < least) await poll();
      if (newest[state] >= least) return newest[state];
      if (closed) throw new Error('the run was stopped');
      return new Promise<number>((resolve, reject) => {
        waiting.add({ least, state, resolve, reject });
        watch();
      });
    },
    count: () => waiting.size,
    awaited: () => [...new Set([...waiting].map(({ least }) => least))].sort((a, b) => a - b),
    close() {
      closed = true;
      clearTimeout(timer);
      rejectAll(new Error('the run was stopped'));
    },
  };
}
