import type { Limits } from './limits.js';
import { meterTree } from './tree.js';

// A thread that always waits for a processor must not hide what others do, so waiting is not free of charge without
// end.
const WALL_FACTOR = 5;

/** What is left of a program's limits on time and memory. */
export interface LimitClock {
  exceeded(): 'timeout' | 'memory' | undefined;
  /** Gives the program its full time again. */
  renew(): void;
  /** Until `resume`, the program has nothing to do, so only its CPU time counts. */
  pause(): void;
  resume(): void;
}

/**
 * Measures process `pid` and all its descendants together. Their time is the wall clock, apart from times in which they
 * wait for a processor of a busy machine, and not less than the CPU time of all of them.
 */
export function limitClock(pid: number, limits: Limits): LimitClock {
  const meter = meterTree(pid);
  let start = meter();
  let begin = performance.now();
  let paused: number | undefined;
  return {
    exceeded() {
      const now = meter();
      const away = paused === undefined ? 0 : (performance.now() - paused) / 1000;
      const cpuSeconds = now.cpuSeconds - start.cpuSeconds;
      // Idle time plus CPU time is the wall clock without waiting for a processor.
      const ready = cpuSeconds + now.idleSeconds - start.idleSeconds - away;
      const wall = (performance.now() - begin) / 1000 - away;
      if (Math.max(cpuSeconds, ready) > limits.seconds || wall > WALL_FACTOR * limits.seconds) return 'timeout';
      return now.memoryBytes > limits.memoryBytes ? 'memory' : undefined;
    },
    renew() {
      start = meter();
      begin = performance.now();
      if (paused !== undefined) paused = begin;
    },
    pause() {
      paused ??= performance.now();
    },
    resume() {
      if (paused === undefined) return;
      const away = performance.now() - paused;
      start = { ...start, idleSeconds: start.idleSeconds + away / 1000 };
      begin += away;
      paused = undefined;
    },
  };
}
