import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Worker } from 'node:worker_threads';
import { UserError } from '../../../support/errors.js';
import type { Limits } from '../../sandbox/limits.js';
import { requireSandbox } from '../../sandbox/probe.js';
import { type Running, startProgram } from '../../sandbox/run.js';
import { asset } from '../assets.js';
import { clip, type Outcome } from '../outcome.js';
import type { Tests } from '../tests.js';
import type { FromThread, ToThread } from './messages.js';
import { closeThread, openThread, watchThread } from './thread-pool.js';

type Asserted = Exclude<Tests, { kind: 'output' }>;
/** The outcome of one test, or that the tests themselves skipped it. */
type Result = Outcome | 'skipped';

const RENEWALS = 1000;
const CONVERSATION_BYTES = 64 * 1024 * 1024;

/** Limits of the tests' process, which compares what the program returns. */
const testLimits = (limits: Limits): Limits => ({
  seconds: limits.seconds * 3 + 10,
  memoryBytes: 1024 ** 3,
  processes: 128,
  files: 256,
  fileBytes: 16 * 1024 ** 2,
  outputBytes: CONVERSATION_BYTES,
});

export interface AssertedWork {
  readonly script: string;
  readonly tests: Asserted;
  readonly limits: Limits;
  /** False: stop at the first test that does not pass. */
  readonly all: boolean;
  readonly unsafeWithoutSandbox: boolean;
}

/**
 * Runs assertions or a test file in Node, in the sandbox, against a script in the engine; this process relays their
 * messages.
 *
 * @throws {UserError} `bad-tests` if the tests cannot judge any program
 */
export async function runAsserted(
  work: AssertedWork,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly total: number }> {
  if (!work.unsafeWithoutSandbox) await requireSandbox();
  const given = await testsOf(work);
  const results: Result[] = [];
  let total: number | undefined;
  for (;;) {
    const session = await converse(work, given, results);
    total = session.total ?? total;
    if (session.mishap) results.push(session.mishap);
    const over = !session.mishap || !work.all || total === undefined || results.length >= total;
    if (!over) continue;
    const outcomes = results.filter((result) => result !== 'skipped');
    if (outcomes.length === 0) throw new UserError('bad-tests', 'every test is skipped');
    const skipped = results.length - outcomes.length;
    return { outcomes, total: Math.max((total ?? 1) - skipped, outcomes.length) };
  }
}

async function testsOf({ script, tests }: AssertedWork): Promise<object> {
  const { isModule, syntaxErrors, topLevelNames, transpileTests } = await import('../typescript.js');
  const require = createRequire(import.meta.url);
  const expect = require.resolve('expect');
  const given = { names: topLevelNames(script), expect, mock: createRequire(expect).resolve('jest-mock') };
  if (tests.kind === 'assertions') return { ...given, assertions: tests.assertions };
  const { source, entryPoint } = tests;
  if (syntaxErrors(source).length > 0) {
    throw new UserError('bad-tests', 'testFile: the tests are not valid JavaScript or TypeScript');
  }
  return { ...given, file: isModule(source) ? transpileTests(source) : source, entryPoint };
}

/** The folder that a package and all that it needs are in. */
const modulesOf = (path: string): string => path.slice(0, path.indexOf('/node_modules/') + '/node_modules'.length);

function startTests({ limits, unsafeWithoutSandbox }: AssertedWork, given: object): Running {
  const expect = createRequire(import.meta.url).resolve('expect');
  const codec = asset('codec.js').replace(/^export /m, '');
  const node = process.execPath;
  return startProgram(
    {
      command: [
        node,
        '--no-warnings',
        '--test-reporter=./reporter.cjs',
        '--test-reporter-destination=stdout',
        'runner.cjs',
      ],
      files: [
        { path: 'codec.cjs', content: `${codec}\nmodule.exports = { createCodec };\n` },
        ...['line.cjs', 'method-names.cjs', 'border.cjs', 'registry.cjs', 'runner.cjs', 'reporter.cjs'].map((path) => ({
          path,
          content: asset(path),
        })),
        { path: 'tests.json', content: JSON.stringify(given) },
      ],
      binds: [modulesOf(expect), ...(node.startsWith('/usr/bin/') ? [] : [node])],
      limits: testLimits(limits),
      renewals: RENEWALS,
      reserves: true,
      unsafeWithoutSandbox,
    },
    true,
  );
}

interface Session {
  readonly total?: number;
  /** The program ended before its test did. */
  readonly mishap?: Outcome;
}

/** Runs one program and one process of tests: appends results until the tests are over or the program ends. */
async function converse(work: AssertedWork, given: object, results: Result[]): Promise<Session> {
  const { script, limits } = work;
  const thread = await openThread();
  const program = openProgram(thread, limits);
  const tests = startTests(work, { ...given, from: results.length });
  const lines = createInterface({ input: tests.stdout })[Symbol.asyncIterator]();
  try {
    const loaded = await program.send({ script, limits, signal: program.signal });
    if ('ended' in loaded) return { mishap: loaded.ended };
    return await relay({ program, tests, lines }, results, work.all);
  } finally {
    tests.kill();
    program.stop();
    await Promise.all([closeThread(thread, true), tests.ended]);
  }
}

interface ProgramThread {
  readonly signal: Int32Array;
  /** Sends a message and resolves to the next one of the thread. */
  send(message: ToThread): Promise<FromThread>;
  renew(): void;
  stop(): void;
}

function openProgram(thread: Worker, limits: Limits): ProgramThread {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  let hear: (message: FromThread) => void = () => {};
  let fail: (cause: Error) => void = () => {};
  const watch = watchThread(thread, limits, (said) => ('error' in said ? fail(new Error(said.error)) : hear(said)));
  void watch.mishap.then((ended) => hear({ ended }));
  return {
    signal,
    send: (message) =>
      new Promise((resolve, reject) => {
        hear = resolve;
        fail = reject;
        thread.postMessage(message);
        Atomics.add(signal, 0, 1);
        Atomics.notify(signal, 0);
      }),
    renew: watch.renew,
    stop: watch.stop,
  };
}

interface Conversation {
  readonly program: ProgramThread;
  readonly tests: Running;
  readonly lines: AsyncIterator<string>;
}

async function relay({ program, tests, lines }: Conversation, results: Result[], all: boolean): Promise<Session> {
  let total: number | undefined;
  const session = (mishap?: Outcome): Session => ({
    ...(total === undefined ? {} : { total }),
    ...(mishap ? { mishap } : {}),
  });
  for (;;) {
    const line = await lines.next();
    if (line.done) {
      const { ending, status, stderr } = await tests.ended;
      // Values that are too large or too slow to compare are the program's fault; anything else is ours.
      if (ending !== 'exit') return session({ outcome: 'timeout', detail: 'the tests did not come to an end' });
      throw new Error(`the tests' process ended with status ${status}: ${stderr.slice(-500)}`);
    }
    const message: Record<string, unknown> = JSON.parse(line.value);
    if (typeof message.broken === 'string') {
      const which = typeof message.missing === 'string' ? `: ${message.missing}` : '';
      throw new UserError('bad-tests', message.broken + which);
    }
    if (message.nonsense === true) return session({ outcome: 'crash', detail: 'the program broke the conversation' });
    if (typeof message.ask === 'string' || typeof message.reply === 'string') {
      tests.pause();
      const said = await program.send(
        typeof message.ask === 'string' ? { question: message.ask } : { reply: String(message.reply) },
      );
      tests.resume();
      if ('ended' in said) return session(said.ended);
      tests.stdin.write(`${JSON.stringify(said)}\n`);
      continue;
    }
    if (typeof message.tests === 'number') total = message.tests;
    if (typeof message.begin === 'number') {
      program.renew();
      tests.renew();
    }
    if (message.outcome === 'pass') results.push({ outcome: 'pass', detail: '' });
    if (message.outcome === 'skip') results.push('skipped');
    if (message.outcome === 'fail') results.push({ outcome: 'fail', detail: clip(String(message.detail)) });
    if (message.over === true || (message.outcome === 'fail' && !all)) return session();
  }
}
