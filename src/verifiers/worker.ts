import { Worker } from 'node:worker_threads';
import { UserError } from '../support/errors.js';
import { hider } from './conceal.js';
import type { Judge } from './judge.js';
import { openJudge } from './kind.js';
import type { Answer, FromWorker, ToWorker } from './pool.js';
import { pooledKind } from './registry.js';

// The process of a pool that judges one item at a time. See pool.ts.

/** An answer waits this long at most for those of the items after it, and for as long as the next one holds the thread. */
const FLUSH_MS = 5;

const judges = new Map<string, Judge>();

async function judgeOf(kind: string, settings: unknown): Promise<Judge> {
  const key = `${kind} ${JSON.stringify(settings)}`;
  const known = judges.get(key);
  if (known) return known;
  const judge = await openJudge(pooledKind(kind), settings, { where: kind, folder: '.' });
  judges.set(key, judge);
  say({ loaded: true });
  return judge;
}

let answers: Answer[] = [];
let flushed = 0;
function flush(): void {
  flushed = performance.now();
  if (answers.length > 0) process.send?.({ answers } satisfies FromWorker);
  answers = [];
}

function say(message: FromWorker): void {
  flush();
  process.send?.(message);
}

async function answerTo({ kind, settings, question, where }: ToWorker): Promise<Answer> {
  try {
    const judge = await judgeOf(kind, settings);
    return { judgement: await judge.judge(question, where, (seconds) => say({ step: seconds })) };
  } catch (cause) {
    if (cause instanceof UserError) return { error: cause.message, code: cause.code };
    // What was not foreseen may quote anything, such as a line of the tests.
    return { error: hider(question)(cause instanceof Error ? cause.message : String(cause)) };
  }
}

process.on('message', async (items: readonly ToWorker[]) => {
  flushed = performance.now();
  for (const item of items) {
    const answer = await answerTo(item);
    answers.push(answer);
    if (performance.now() - flushed >= FLUSH_MS) flush();
  }
  flush();
});

// A pool that closes, or whose process ends, disconnects. While an item holds this thread only another one can notice.
process.on('disconnect', () => process.exit());
new Worker(
  `const parent = ${process.ppid}; setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`,
  { eval: true, stdin: false },
).unref();

say({ ready: true });
