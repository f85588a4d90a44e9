import { Worker } from 'node:worker_threads';
import { UserError } from '../../../support/errors.js';
import { workerUrl } from '../../../support/workers/url.js';
import type { Limits } from '../../sandbox/limits.js';
import type { Outcome } from '../outcome.js';
import type { Tests } from '../tests.js';
import type { FromThread, Work } from './messages.js';

const POLL_MILLISECONDS = 20;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

let idle: Worker | undefined;

async function openThread(): Promise<Worker> {
  const ready = idle;
  idle = undefined;
  if (ready) {
    ready.ref();
    return ready;
  }
  const thread = new Worker(workerUrl('./thread.js', import.meta.url), { env: {}, execArgv: [] });
  await new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  return thread;
}

/**
 * Runs a script against tests: pairs of input and output, assertions, or a test file (`test`, `it`, `expect`,
 * `assert`). Each test has `limits.seconds` CPU seconds; then its thread is ended, and the remaining tests run in a new
 * one.
 *
 * @param all false: stop at the first test that does not pass
 * @returns the outcomes in the order of the tests, and how many tests there are
 */
export async function runJavaScript(
  script: string,
  given: Tests,
  limits: Limits,
  all: boolean,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly total: number }> {
  const tests = given.kind === 'output' ? given : await asserted(script, given);
  const outcomes: Outcome[] = [];
  let total: number | undefined;
  for (;;) {
    const mishap = await runOnThread({ script, tests, limits, all, from: outcomes.length }, (said) => {
      if ('total' in said) total = said.total;
      if ('outcome' in said) outcomes.push(said.outcome);
    });
    if (mishap) outcomes.push(mishap);
    if (!mishap || !all || outcomes.length >= (total ?? 0)) {
      return { outcomes, total: Math.max(total ?? 1, outcomes.length) };
    }
  }
}

/** Resolves to what ended the program before its tests were over, if anything did. */
async function runOnThread(work: Work, hear: (said: FromThread) => void): Promise<Outcome | undefined> {
  const thread = await openThread();
  let start = cpuSeconds();
  let poll: NodeJS.Timeout | undefined;
  const mishap = await new Promise<Outcome | undefined>((resolve, reject) => {
    thread.on('message', (said: FromThread) => {
      start = cpuSeconds();
      if ('over' in said) resolve(undefined);
      else if ('error' in said) reject(new Error(`the engine failed: ${said.error}`));
      else hear(said);
    });
    thread.on('error', (cause: Error & { code?: string }) => {
      const memory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
      resolve({ outcome: memory ? 'memory' : 'crash', detail: 'the engine gave way' });
    });
    poll = setInterval(() => {
      if (cpuSeconds() - start > work.limits.seconds)
        resolve({ outcome: 'timeout', detail: 'stopped at its time limit' });
    }, POLL_MILLISECONDS);
    thread.postMessage(work);
  }).finally(() => {
    clearInterval(poll);
    thread.removeAllListeners('message').removeAllListeners('error');
  });
  if (mishap) {
    await thread.terminate();
  } else {
    thread.unref();
    idle = thread;
  }
  return mishap;
}

async function asserted(script: string, tests: Exclude<Tests, { kind: 'output' }>): Promise<Work['tests']> {
  const { isModule, syntaxErrors, topLevelNames, transpile } = await import('../typescript.js');
  const names = topLevelNames(script);
  if (tests.kind === 'assertions') return { kind: 'asserted', names, assertions: tests.assertions };
  const { source, entryPoint } = tests;
  if (syntaxErrors(source).length > 0) {
    throw new UserError('bad-tests', 'testFile: the tests are not valid JavaScript or TypeScript');
  }
  const file = isModule(source) ? transpile(source) : source;
  return { kind: 'asserted', names, file, ...(entryPoint === undefined ? {} : { entryPoint }) };
}
