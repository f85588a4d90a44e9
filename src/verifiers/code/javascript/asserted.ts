import { conceal } from '../../conceal.js';
import { javascriptProgramEnd, javascriptTestsEnd } from '../javascript-peer.js';
import { clip, type Outcome } from '../outcome.js';
import { newEngine, openRealm, type Realm, realmMishap } from './engine.js';
import type { AssertedTests, FromThread, Work } from './messages.js';

interface Said {
  readonly value?: unknown;
  readonly failure?: { readonly e: string; readonly m: string };
  readonly last?: string;
}

/** Runs the tests against a script. Script and tests run in engines with separate memories, made anew where a program left early. */
export async function runAsserted(
  work: Work & { readonly tests: AssertedTests },
  say: (message: FromThread) => void,
): Promise<void> {
  for (let from: number | undefined = work.from; from !== undefined; ) from = await converse({ ...work, from }, say);
}

/** One pair of engines. Resolves to the test to go on with in a fresh pair; undefined where the tests are over. */
async function converse(
  { script, tests, limits, from, all }: Work & { readonly tests: AssertedTests },
  say: (message: FromThread) => void,
): Promise<number | undefined> {
  const judge: { call?: (op: string, fields?: object) => Said } = {};
  const program = openRealm(await newEngine(limits), limits, '', (message) =>
    String(judge.call?.('callback', { message }).value),
  );
  const serve = program.run(javascriptProgramEnd, 'harness.js');
  program.run(script, 'main.js')?.dispose();
  program.settle();
  const left = (when: string): Outcome | undefined =>
    realmMishap(program.state) ??
    (program.state.stopped ? { outcome: 'crash', detail: `the program left before its ${when}` } : undefined);
  const unloaded = left('tests');
  if (unloaded || !serve) {
    say({ outcome: unloaded ?? { outcome: 'crash', detail: 'the program did not load' } });
    return undefined;
  }
  const realm: Realm = openRealm(await newEngine(limits), limits, '', (message) => {
    const answer = program.call(serve, message);
    program.settle();
    return answer ?? JSON.stringify({ e: 'Error', m: 'the program was stopped' });
  });
  const entry = realm.run(javascriptTestsEnd, 'tests.js');
  if (!entry) throw new Error(`the tests' engine did not start: ${realm.state.thrown}`);
  const call = (op: string, fields = {}) =>
    JSON.parse(realm.call(entry, JSON.stringify({ op, ...fields })) ?? '{}') as Said;
  judge.call = call;

  const { names, assertions, file, entryPoint } = tests;
  const loaded = call('load', { names, assertions, file, entryPoint });
  if (loaded.failure) {
    say({ outcome: { outcome: 'fail', detail: clip(loaded.last ?? `the tests raised ${loaded.failure.e}`) } });
    return undefined;
  }
  const total = typeof loaded.value === 'number' ? loaded.value : 1;
  say({ total });
  for (let index = from; index < total; index++) {
    call('run', { index });
    realm.settle();
    const mishap = left('test was over') ?? testsMishap(realm, script, tests);
    const outcome = mishap ?? (call('outcome').value as Outcome);
    say({ outcome });
    if (!all && outcome.outcome !== 'pass') return undefined;
    if (mishap) return index + 1 < total ? index + 1 : undefined;
  }
  return undefined;
}

/** What ended the tests' own engine, such as an error in a timer of theirs: it may quote them. */
function testsMishap(
  { state }: Realm,
  script: string,
  { assertions = [], file = '' }: AssertedTests,
): Outcome | undefined {
  const mishap = realmMishap(state);
  return mishap && { ...mishap, detail: conceal(mishap.detail, [...assertions, file], [script]) };
}
