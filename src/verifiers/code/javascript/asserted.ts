import { conceal } from '../../conceal.js';
import { clip, type Outcome } from '../outcome.js';
import { newEngine } from './engine.js';
import type { AssertedTests, FromThread, Work } from './messages.js';
import { abnormalEnd, openRealm, type Realm } from './realm.js';

type AssertedWork = Work & { readonly tests: AssertedTests };

/** An answer of assets/tests.js. */
interface Reply {
  readonly value?: unknown;
  readonly failure?: { readonly e: string; readonly m: string };
  /** What the program last returned or raised. */
  readonly last?: string;
}

type AskTests = (op: string, fields?: object) => Reply;

/**
 * Runs assertions or a test file against a script. The script and the tests run in engines with separate memories,
 * replaced whenever the program ends early.
 */
export async function runAsserted(work: AssertedWork, say: (message: FromThread) => void): Promise<void> {
  for (let from: number | undefined = work.from; from !== undefined; ) from = await converse({ ...work, from }, say);
}

/**
 * Runs one pair of engines. Resolves to the test from which a new pair must continue; undefined when the tests are
 * over.
 */
async function converse(work: AssertedWork, say: (message: FromThread) => void): Promise<number | undefined> {
  const { script, tests, limits, from, all } = work;
  const program = openRealm(await newEngine(limits), limits, '');
  const calls: { tests?: AskTests } = {};
  const serve = startPeer(program, 'program.js', (message) => String(calls.tests?.('callback', { message }).value));
  program.run(script, 'main.js')?.dispose();
  program.settle();
  const unloaded = endedEarly(program, 'tests');
  if (unloaded || !serve) {
    say({ outcome: unloaded ?? { outcome: 'crash', detail: 'the program did not load' } });
    return undefined;
  }
  const judge = openRealm(await newEngine(limits), limits, '');
  const entry = startPeer(judge, 'tests.js', (message) => {
    const answer = program.call(serve, message);
    program.settle();
    return answer ?? JSON.stringify({ e: 'Error', m: 'the program was stopped' });
  });
  if (!entry) throw new Error(`the tests' engine did not start: ${judge.state.thrown}`);
  const ask: AskTests = (op, fields = {}) =>
    JSON.parse(judge.call(entry, JSON.stringify({ op, ...fields })) ?? '{}') as Reply;
  calls.tests = ask;

  const loaded = ask('load', { ...tests, kind: undefined });
  if (loaded.failure) {
    say({ outcome: { outcome: 'fail', detail: clip(loaded.last ?? `the tests raised ${loaded.failure.e}`) } });
    return undefined;
  }
  const total = typeof loaded.value === 'number' ? loaded.value : 1;
  say({ total });
  for (let index = from; index < total; index++) {
    ask('run', { index });
    judge.settle();
    const crashed = endedEarly(program, 'test was over') ?? endOfTests(judge, script, tests);
    const outcome = crashed ?? (ask('outcome').value as Outcome);
    say({ outcome });
    if (!all && outcome.outcome !== 'pass') return undefined;
    if (crashed) return index + 1 < total ? index + 1 : undefined;
  }
  return undefined;
}

/** Starts one side of the conversation. Undefined if the realm has ended. */
function startPeer(realm: Realm, asset: string, link: (message: string) => string) {
  const codec = realm.start('codec.js');
  return codec && realm.start(asset, codec, realm.hostFunction('link', link));
}

function endedEarly({ state }: Realm, before: string): Outcome | undefined {
  const end = abnormalEnd(state);
  if (end || !state.stopped) return end;
  return { outcome: 'crash', detail: `the program left before its ${before}` };
}

/** What ended the tests' own engine, such as an error in one of their timers. Its message may quote the tests. */
function endOfTests(
  { state }: Realm,
  script: string,
  { assertions = [], file = '' }: AssertedTests,
): Outcome | undefined {
  const end = abnormalEnd(state);
  return end && { ...end, detail: conceal(end.detail, [...assertions, file], [script]) };
}
