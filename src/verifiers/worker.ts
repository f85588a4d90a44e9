import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import { hider } from './conceal.js';
import { type Judge, kinds } from './kinds.js';
import type { FromWorker, ToWorker } from './pool.js';

// The process of a pool that judges one item at a time. See pool.ts.

const judges = new Map<string, Judge>();

async function judgeOf(kind: string, settings: unknown): Promise<Judge> {
  const key = `${kind} ${JSON.stringify(settings)}`;
  const known = judges.get(key);
  if (known) return known;
  const read = kinds[kind];
  if (!read) throw new Error(`no kind of verifier is called ${kind}`);
  const judge = await read(settings, kind);
  judges.set(key, judge);
  say({ loaded: true });
  return judge;
}

const say = (message: FromWorker) => process.send?.(message);

process.on('message', async ({ kind, settings, question, where }: ToWorker) => {
  try {
    const judge = await judgeOf(kind, settings);
    say({ judgement: await judge.judge(question, where, (seconds) => say({ step: seconds })) });
  } catch (cause) {
    if (cause instanceof UserError) return say({ error: cause.message, code: cause.code });
    // What was not foreseen may quote anything, such as a line of the tests.
    say({ error: hider(question)(cause instanceof Error ? cause.message : String(cause)) });
  }
});

// A pool that closes, or whose process ends, disconnects. While an item holds this thread only another one can notice.
process.on('disconnect', () => process.exit());
new Worker(
  `const parent = ${process.ppid}; setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`,
  { eval: true, stdin: false },
).unref();

say({ ready: true });
