/** Time used by a worker since its meter was opened. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Seconds in which it neither ran nor waited for a processor. */
  readonly idleSeconds: number;
}

/** Opens a meter. */
export type OpenMeter = () => () => Usage;

/** Counts every second of the clock. */
export const wallClock: OpenMeter = () => {
  const begin = performance.now();
  return () => ({ cpuSeconds: (performance.now() - begin) / 1000, idleSeconds: 0 });
};

export interface Deadline {
  /** Starts or restarts with this many seconds. */
  start(seconds: number): void;
  stop(): void;
}

/** A worker may idle this many times its seconds, as when it waits for I/O. */
const IDLE_FACTOR = 3;
/** Delay of the first reading (ms). Most calls end before it, and a reading takes longer than many calls. */
const UNMETERED_MS = 50;
const SHORTEST_TIMER_MS = 20;

/**
 * A deadline in processor time, so that a busy machine does not shorten it.
 * @param late called with the seconds used
 */
export function createDeadline(open: OpenMeter, late: (seconds: number) => void): Deadline {
  let timer: NodeJS.Timeout | undefined;
  return {
    start(seconds) {
      clearTimeout(timer);
      let read: (() => Usage) | undefined;
      let begin: Usage | undefined;
      const check = (): void => {
        read ??= open();
        const now = read();
        begin ??= now;
        const cpuLeft = seconds - (now.cpuSeconds - begin.cpuSeconds);
        const idleLeft = seconds * IDLE_FACTOR - (now.idleSeconds - begin.idleSeconds);
        const left = Math.min(cpuLeft, idleLeft);
        if (left > 0) timer = setTimeout(check, Math.max(SHORTEST_TIMER_MS, left * 1000));
        else late(seconds);
      };
      timer = setTimeout(check, UNMETERED_MS);
    },
    stop: () => clearTimeout(timer),
  };
}
