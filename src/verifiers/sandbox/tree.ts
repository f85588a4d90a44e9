import { readdirSync, readFileSync } from 'node:fs';

export interface TreeUsage {
  /** CPU seconds of every process of the tree, the dead ones included. */
  readonly cpuSeconds: number;
  /** The longest time that a process of the tree was ready to run and had to wait for a processor. */
  readonly waitSeconds: number;
  /** Anonymous and shared memory of the live processes. */
  readonly memoryBytes: number;
}

// Linux counts process times in 1/100 s for user space, whatever the kernel's own tick.
const TICKS = 100;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // The process ended meanwhile.
  }
};

const kibibytes = (status: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);

function children(pid: number): number[] {
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process ended meanwhile.
  }
  return threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** What the process `pid` and everything that it started use now. */
export function treeUsage(pid: number): TreeUsage {
  const pids = [pid];
  let ticks = 0;
  let waitSeconds = 0;
  let memoryBytes = 0;
  for (let next = pids.pop(); next !== undefined; next = pids.pop()) {
    pids.push(...children(next));
    // Fields 14 to 17, counted after the name, which may hold anything: own and waited-for children's user and system time.
    const stat = read(`/proc/${next}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    waitSeconds = Math.max(waitSeconds, Number(read(`/proc/${next}/schedstat`).split(' ')[1] ?? 0) / 1e9);
    const status = read(`/proc/${next}/status`);
    memoryBytes += 1024 * (kibibytes(status, 'RssAnon') + kibibytes(status, 'RssShmem'));
  }
  return { cpuSeconds: ticks / TICKS, waitSeconds, memoryBytes };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // The process ended meanwhile.
  }
}

/** Kills a process, where it did start, and everything that it started. Each is stopped first, so that none can start another unseen. */
export function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  signal(pid, 'SIGSTOP');
  for (const child of children(pid)) killTree(child);
  signal(pid, 'SIGKILL');
}
