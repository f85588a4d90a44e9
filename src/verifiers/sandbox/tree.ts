import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { box } from './arguments.js';

export interface TreeUsage {
  /** CPU seconds of every process of the tree, including ended ones. */
  readonly cpuSeconds: number;
  /** Seconds since the meter was opened in which the tree neither ran nor waited for a processor. */
  readonly idleSeconds: number;
  /**
   * Anonymous and shared memory of the live processes, their page tables, and the files in the program's folder, by
   * number.
   */
  readonly memoryBytes: number;
}

// Linux counts process times in 1/100 s for user space, whatever the kernel's own tick.
const TICKS = 100;
// What an empty file costs the kernel, about.
const INODE_BYTES = 1024;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // The process has ended.
  }
};

const kibibytes = (status: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
  } catch {
    return []; // The process has ended.
  }
}

const childrenOf = (thread: string): number[] => read(`${thread}/children`).split(' ').filter(Boolean).map(Number);

function filesIn(folder: string): number {
  try {
    const { files, ffree } = statfsSync(folder);
    return files - ffree;
  } catch {
    return 0; // The process has ended, or has no such folder.
  }
}

/** Opens a meter of what process `pid` and its descendants use. Waiting is counted between readings. */
export function meterTree(pid: number): () => TreeUsage {
  const begin = performance.now();
  let waitSeconds = 0;
  let before: ReadonlyMap<string, number> = new Map();
  return () => {
    const pids = [pid];
    const waits = new Map<string, number>();
    let ticks = 0;
    let memoryBytes = 0;
    let files = 0;
    for (let next = pids.pop(); next !== undefined; next = pids.pop()) {
      for (const thread of threadsOf(next)) {
        pids.push(...childrenOf(thread));
        waits.set(thread, Number(read(`${thread}/schedstat`).split(' ')[1] ?? 0) / 1e9);
      }
      // Fields 14 to 17, counted after the name, which may hold anything: own and waited-for children's user and system
      // time.
      const stat = read(`/proc/${next}/stat`);
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      const status = read(`/proc/${next}/status`);
      for (const field of ['RssAnon', 'RssShmem', 'VmPTE']) memoryBytes += 1024 * kibibytes(status, field);
      if (next !== pid) files = Math.max(files, filesIn(`/proc/${next}/root${box}`));
    }
    // Threads wait in parallel: the longest wait is the time in which the tree could do nothing.
    let longest = 0;
    for (const [thread, seconds] of waits) longest = Math.max(longest, seconds - (before.get(thread) ?? 0));
    if (before.size > 0) waitSeconds += longest;
    before = waits;
    const cpuSeconds = ticks / TICKS;
    return {
      cpuSeconds,
      idleSeconds: (performance.now() - begin) / 1000 - waitSeconds - cpuSeconds,
      memoryBytes: memoryBytes + files * INODE_BYTES,
    };
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // The process has ended.
  }
}

/** Kills a process and its descendants. Each is stopped first, so that none can start another unnoticed. */
export function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  signal(pid, 'SIGSTOP');
  for (const child of threadsOf(pid).flatMap(childrenOf)) killTree(child);
  signal(pid, 'SIGKILL');
}
