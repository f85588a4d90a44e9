import { createInterface } from 'node:readline';
import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { type Program, type Running, startProgram } from '../sandbox/run.js';
import { asset } from './assets.js';
import { clip, type Outcome } from './outcome.js';
import { abnormalExit } from './program.js';
import { usesPytest, withPytest } from './pytest.js';
import type { Tests } from './tests.js';

const RENEWALS = 1000;
const CONVERSATION_BYTES = 64 * 1024 * 1024;

const pythonAssets = (...names: readonly string[]): string => ['codec.py', ...names].map(asset).join('\n');

type AssertedTests = Exclude<Tests, { kind: 'output' }>;

/** The outcome of one test, or that the tests themselves skipped it. */
type Result = Outcome | 'skipped';

/**
 * Runs Python assertions or a Python test file. The completion runs in one sandbox and the tests in another; this
 * process relays their messages. Whatever the completion does in its own process, it sees only the arguments that the
 * tests pass, and what it returns arrives as a copy.
 *
 * @param program the completion's program as built, its source in `main.py`
 * @param all false: stop at the first test that does not pass
 * @throws {UserError} `bad-tests` if the tests cannot judge any program
 */
export async function runPythonTests(
  program: Program,
  tests: AssertedTests,
  all: boolean,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly total: number }> {
  const judge = usesPytest(tests) ? await withPytest(program) : program;
  const results: Result[] = [];
  for (let total = Number.POSITIVE_INFINITY; ; ) {
    const session = await converse(program, judge, tests, results, all);
    if ('total' in session) total = session.total;
    if (session.mishap) results.push(session.mishap);
    const over = results.length >= total || (session.mishap && (!all || !('total' in session)));
    if (!over && session.mishap) continue;
    const outcomes = results.filter((result) => result !== 'skipped');
    if (outcomes.length === 0) throw new UserError('bad-tests', 'every test is skipped');
    const skipped = results.length - outcomes.length;
    return { outcomes, total: Number.isFinite(total) ? total - skipped : 1 };
  }
}

interface Session {
  readonly total?: number;
  /** The program ended before the next test did. */
  readonly mishap?: Outcome;
}

/** Runs one pair of processes: appends results until the tests are over or the program ends. */
async function converse(
  base: Program,
  judgeBase: Program,
  tests: AssertedTests,
  results: Result[],
  all: boolean,
): Promise<Session> {
  const limits = { ...base.limits, outputBytes: CONVERSATION_BYTES };
  const running = ({ command }: Program, source: string) => command.map((word) => (word === 'main.py' ? source : word));
  const program = startProgram(
    {
      ...base,
      command: running(base, 'harness.py'),
      files: [...base.files, { path: 'harness.py', content: pythonAssets('program.py') }],
      limits,
      renewals: RENEWALS,
    },
    true,
  );
  const judge = startProgram(
    {
      ...judgeBase,
      command: running(judgeBase, 'tests.py'),
      files: [
        { path: 'tests.py', content: pythonAssets('border.py', 'tests.py') },
        {
          path: 'tests.json',
          content: JSON.stringify(
            tests.kind === 'assertions'
              ? { assertions: tests.assertions }
              : { file: tests.source, entryPoint: tests.entryPoint },
          ),
        },
      ],
      // pytest takes a while to start, and large values to compare.
      limits: { ...limits, seconds: limits.seconds * 3 + 5 },
      renewals: RENEWALS,
    },
    true,
  );
  try {
    return await relay(program, judge, results, all);
  } finally {
    program.kill();
    judge.kill();
    await Promise.all([program.ended, judge.ended]);
  }
}

async function relay(program: Running, judge: Running, results: Result[], all: boolean): Promise<Session> {
  const fromProgram = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const fromJudge = createInterface({ input: judge.stdout })[Symbol.asyncIterator]();
  const ended = async (): Promise<Outcome> =>
    abnormalExit(await program.ended) ?? { outcome: 'crash', detail: 'the program left before its test was over' };

  const loaded = await fromProgram.next();
  if (loaded.done) return { mishap: await ended() };
  const failure = loadFailure(loaded.value);
  if (failure) return { mishap: failure };
  program.pause(); // While it has no question to answer.

  let total: number | undefined;
  const withTotal = (session: Session): Session => (total === undefined ? session : { ...session, total });
  for (;;) {
    const line = await fromJudge.next();
    if (line.done) {
      const end = await judge.ended;
      // Values that are too large or too slow to compare are the program's fault; anything else is ours.
      if (end.ending !== 'exit')
        return withTotal({ mishap: { outcome: 'timeout', detail: 'the tests did not come to an end' } });
      throw new Error(`the tests' process ended with status ${end.status}: ${end.stderr.slice(-500)}`);
    }
    const message: Record<string, unknown> = JSON.parse(line.value);
    if (typeof message.broken === 'string') {
      const which = typeof message.missing === 'string' ? `: ${message.missing}` : '';
      throw new UserError('bad-tests', message.broken + which);
    }
    if (message.nonsense === true)
      return { mishap: { outcome: 'crash', detail: 'the program broke the conversation' } };
    if (message.ask !== undefined) {
      judge.pause();
      program.resume();
      program.stdin.write(`${JSON.stringify(message.ask)}\n`);
      const answer = await fromProgram.next();
      program.pause();
      judge.resume();
      if (answer.done) return withTotal({ mishap: await ended() });
      judge.stdin.write(`${JSON.stringify({ answer: answer.value })}\n`);
      continue;
    }
    if (typeof message.tests === 'number') total = message.tests;
    if (message.outcome === 'pass') results.push({ outcome: 'pass', detail: '' });
    if (message.outcome === 'skip') results.push('skipped');
    if (message.outcome === 'fail') results.push({ outcome: 'fail', detail: clip(String(message.detail)) });
    if (total !== undefined && results.length >= total) return withTotal({});
    if (message.outcome === 'fail' && !all) return withTotal({});
    program.renew();
    judge.renew();
    judge.stdin.write(`${JSON.stringify({ run: results.length })}\n`);
  }
}

/** Why the completion did not load, by the program's first line. Undefined if it loaded. */
function loadFailure(line: string): Outcome | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return { outcome: 'crash', detail: 'the program broke the conversation' };
  }
  const failed = failure.safeParse(said);
  if (!failed.success) return undefined;
  const { names, text } = failed.data.e;
  const outcome = names.includes('MemoryError') ? 'memory' : 'crash';
  return { outcome, detail: clip(`raised ${names[0]}: ${text}`) };
}

const failure = z.object({ e: z.object({ names: z.array(z.string()), text: z.string() }) });
