/** Time that a worker has used since its meter was opened. */
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
  /** Starts, or starts again, with this many seconds. */
  start(seconds: number): void;
  stop(): void;
}

/** A worker may idle this many times its seconds: it waits for something other than the processor. */
const IDLE_FACTOR = 3;
/** Most calls end before the first reading of the meter, which takes longer than many of them. */
const UNMETERED_MS = 50;
const SHORTEST_TIMER_MS = 20;

/**
 * A deadline in processor time, from soon after its start: a busy machine takes nothing from it.
 * @param late called with the seconds that are used up
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
