import { readFileSync } from 'node:fs';
import type { Usage } from './deadline.js';

// Linux counts process times in 1/100 s for user space, whatever the kernel's own tick.
const TICKS = 100;

/** Processor seconds of a process so far; undefined where the system does not tell. */
function cpuSecondsOf(pid: number): number | undefined {
  try {
    // Fields 14 and 15, counted after the name, which may contain anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return undefined;
  }
}

/** Opens a meter of one process's processor time, or of the clock where the system does not tell it. */
export function meterProcess(pid: number): () => Usage {
  const begin = performance.now();
  return () => {
    const seconds = (performance.now() - begin) / 1000;
    const cpuSeconds = cpuSecondsOf(pid);
    return cpuSeconds === undefined
      ? { cpuSeconds: seconds, idleSeconds: 0 }
      : { cpuSeconds, idleSeconds: Math.max(0, seconds - cpuSeconds) };
  };
}
