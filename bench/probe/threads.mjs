// CPU time of this process's threads and child processes, by purpose. Linux only. Import it before any worker starts,
// in a process that preloads label.mjs.
import { pbkdf2 } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const labels = mkdtempSync(join(tmpdir(), 'rlsd-threads-'));
process.env.THREAD_LABELS = labels;
process.on('exit', () => rmSync(labels, { recursive: true, force: true }));

const read = (path) => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // It has ended.
  }
};
const list = (path) => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
const tasks = (pid) => list(`/proc/${pid}/task`).map((tid) => [tid, `/proc/${pid}/task/${tid}`]);
/** CPU milliseconds of a thread. */
const onProcessor = (task) => Number(read(`${task}/schedstat`).split(' ')[0]) / 1e6;

// V8's helpers exist before any worker. The threads that wait for files and hash are started here.
const before = new Set(list('/proc/self/task'));
await Promise.all(Array.from({ length: 8 }, () => promisify(pbkdf2)('a', 'b', 50_000, 32, 'sha256')));
const kinds = new Map(list('/proc/self/task').map((tid) => [tid, before.has(tid) ? 'v8' : 'files']));
kinds.set(String(process.pid), 'main');

/** `runtime`: the threads that the model's runtime has started. */
function kindOf(tid) {
  if (!kinds.has(tid)) {
    const label = read(join(labels, tid));
    if (label === '') return 'runtime';
    kinds.set(tid, basename(label, '.js') === 'worker' ? basename(join(label, '..')) : basename(label, '.js'));
  }
  return kinds.get(tid);
}

const descendants = (pid) =>
  tasks(pid)
    .flatMap(([, task]) => read(`${task}/children`).split(' ').filter(Boolean))
    .flatMap((child) => [child, ...descendants(child)]);

/** CPU milliseconds so far by kind of thread; `processes` are all live child processes. */
export function spent() {
  const sums = {};
  const add = (kind, ms) => {
    sums[kind] = (sums[kind] ?? 0) + ms;
  };
  for (const [tid, task] of tasks(process.pid)) add(kindOf(tid), onProcessor(task));
  for (const pid of descendants(process.pid)) for (const [, task] of tasks(pid)) add('processes', onProcessor(task));
  return sums;
}

/** CPU milliseconds of the threads of one kind. */
export const spentBy = (kind) =>
  tasks(process.pid).reduce((sum, [tid, task]) => sum + (kindOf(tid) === kind ? onProcessor(task) : 0), 0);
