import type { Limits } from '../../sandbox/limits.js';
import type { Outcome } from '../outcome.js';
import type { OutputCase } from '../tests.js';
import type { FromThread, Work } from './messages.js';
import { closeThread, openThread, watchThread } from './thread-pool.js';

/**
 * Runs a script on inputs and compares its outputs. Each case has `limits.seconds` CPU seconds; then its thread is
 * ended, and the remaining cases run in a new one.
 *
 * @param all false: stop at the first case that does not pass
 * @returns the outcomes in the order of the cases
 */
export async function runCases(
  script: string,
  cases: readonly OutputCase[],
  limits: Limits,
  all: boolean,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (;;) {
    const mishap = await runOnThread({ script, cases, limits, all, from: outcomes.length }, (said) => {
      if ('outcome' in said) outcomes.push(said.outcome);
    });
    if (mishap) outcomes.push(mishap);
    if (!mishap || !all || outcomes.length >= cases.length) return outcomes;
  }
}

/** Resolves to what ended the program before its cases were over, if anything did. */
async function runOnThread(work: Work, hear: (said: FromThread) => void): Promise<Outcome | undefined> {
  const thread = await openThread();
  const { promise: over, resolve, reject } = deferred<undefined>();
  const watch = watchThread(thread, work.limits, (said) => {
    watch.renew();
    if ('over' in said) resolve(undefined);
    else if ('error' in said) reject(new Error(`the engine failed: ${said.error}`));
    else hear(said);
  });
  thread.postMessage(work);
  try {
    const mishap = await Promise.race([over, watch.mishap]);
    watch.stop();
    await closeThread(thread, mishap !== undefined);
    return mishap;
  } finally {
    watch.stop();
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (cause: Error) => void = () => {};
  const promise = new Promise<T>((one, other) => {
    resolve = one;
    reject = other;
  });
  return { promise, resolve, reject };
}
