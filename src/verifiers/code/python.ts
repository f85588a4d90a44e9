import { createInterface } from 'node:readline';
import { UserError } from '../../support/errors.js';
import { type Program, type Running, startProgram } from '../sandbox/run.js';
import { asset } from './assets.js';
import { clip, type Outcome } from './outcome.js';
import { abnormalExit } from './program.js';
import type { Tests } from './tests.js';

const RENEWALS = 1000;
const CONVERSATION_BYTES = 64 * 1024 * 1024;

const pythonAsset = (name: string): string => `${asset('codec.py')}\n${asset(name)}`;

/**
 * Runs Python assertions or a Python test file. The completion runs in one sandbox and the tests in another; this
 * process relays their messages. Whatever the completion does in its own process, it sees only the arguments that the
 * tests pass.
 *
 * @param program the completion's program as built, its source in `main.py`
 * @param all false: stop at the first test that does not pass
 */
export async function runPythonTests(
  program: Program,
  tests: Exclude<Tests, { kind: 'output' }>,
  all: boolean,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly total: number }> {
  const outcomes: Outcome[] = [];
  for (let total = Number.POSITIVE_INFINITY; ; ) {
    const session = await converse(program, tests, outcomes, all);
    if ('total' in session) total = session.total;
    if (session.mishap) outcomes.push(session.mishap);
    const over = outcomes.length >= total || (session.mishap && (!all || !('total' in session)));
    if (over || !session.mishap) return { outcomes, total: Number.isFinite(total) ? total : 1 };
  }
}

interface Session {
  readonly total?: number;
  /** The program ended before the next test did. */
  readonly mishap?: Outcome;
}

/** Runs one pair of processes: appends outcomes until the tests are over or the program ends. */
async function converse(
  base: Program,
  tests: Exclude<Tests, { kind: 'output' }>,
  outcomes: Outcome[],
  all: boolean,
): Promise<Session> {
  const limits = { ...base.limits, outputBytes: CONVERSATION_BYTES };
  const harness = (source: string) => base.command.map((word) => (word === 'main.py' ? source : word));
  const program = startProgram(
    {
      ...base,
      command: harness('harness.py'),
      files: [...base.files, { path: 'harness.py', content: pythonAsset('program.py') }],
      limits,
      renewals: RENEWALS,
    },
    true,
  );
  const judge = startProgram(
    {
      ...base,
      command: harness('tests.py'),
      files: [
        { path: 'tests.py', content: pythonAsset('tests.py') },
        {
          path: 'tests.json',
          content: JSON.stringify(
            tests.kind === 'assertions'
              ? { assertions: tests.assertions }
              : { file: tests.source, entryPoint: tests.entryPoint },
          ),
        },
      ],
      // It waits while the program works, so it must not run out of time first.
      limits: { ...limits, seconds: limits.seconds * 3 + 5 },
      renewals: RENEWALS,
    },
    true,
  );
  try {
    return await relay(program, judge, outcomes, all);
  } finally {
    program.kill();
    judge.kill();
    await Promise.all([program.ended, judge.ended]);
  }
}

async function relay(program: Running, judge: Running, outcomes: Outcome[], all: boolean): Promise<Session> {
  const fromProgram = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const fromJudge = createInterface({ input: judge.stdout })[Symbol.asyncIterator]();
  const ended = async (): Promise<Outcome> =>
    abnormalExit(await program.ended) ?? { outcome: 'crash', detail: 'the program left before its test was over' };

  const loaded = await fromProgram.next();
  if (loaded.done) return { mishap: await ended() };
  const failure = loadFailure(loaded.value);
  if (failure) return { mishap: failure };

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
    if (typeof message.broken === 'string') throw new UserError('bad-tests', message.broken);
    if (message.nonsense === true)
      return { mishap: { outcome: 'crash', detail: 'the program broke the conversation' } };
    if (message.ask !== undefined) {
      program.stdin.write(`${JSON.stringify(message.ask)}\n`);
      const answer = await fromProgram.next();
      if (answer.done) return withTotal({ mishap: await ended() });
      judge.stdin.write(`${JSON.stringify({ answer: answer.value })}\n`);
      continue;
    }
    if (typeof message.tests === 'number') total = message.tests;
    if (message.outcome === 'pass') outcomes.push({ outcome: 'pass', detail: '' });
    if (message.outcome === 'fail') outcomes.push({ outcome: 'fail', detail: clip(String(message.detail)) });
    if (outcomes.length >= (total ?? 0) || (message.outcome === 'fail' && !all)) return withTotal({});
    program.renew();
    judge.renew();
    judge.stdin.write(`${JSON.stringify({ run: outcomes.length })}\n`);
  }
}

/** Why the completion did not load, by the program's first line. Undefined if it loaded. */
function loadFailure(line: string): Outcome | undefined {
  let said: { e?: unknown; m?: unknown };
  try {
    said = JSON.parse(line);
  } catch {
    return { outcome: 'crash', detail: 'the program broke the conversation' };
  }
  if (said === null || typeof said !== 'object' || !Array.isArray(said.e)) return undefined;
  return {
    outcome: said.e.includes('MemoryError') ? 'memory' : 'crash',
    detail: clip(`raised ${String(said.e[0])}: ${String(said.m)}`),
  };
}
