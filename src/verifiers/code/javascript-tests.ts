import type { QuickJSWASMModule } from 'quickjs-emscripten';
import { UserError } from '../../errors.js';
import type { Limits } from '../sandbox/limits.js';
import { realmMishap } from './javascript.js';
import { newEngine, openRealm, type Realm, withEngine } from './javascript-engine.js';
import { javascriptProgramEnd, javascriptTestsEnd } from './javascript-peer.js';
import { clip, type Outcome } from './outcome.js';
import type { Tests } from './tests.js';
import { isModule, syntaxErrors, topLevelNames, transpile } from './typescript.js';

interface Run {
  readonly outcomes: readonly Outcome[];
  readonly total: number;
}

type Given = Exclude<Tests, { kind: 'output' }>;

/**
 * Runs JavaScript assertions or a test file (`test`, `it`, `expect`, `assert`) against a script. Script and tests run in engines
 * with separate memories.
 *
 * @param all false: stop at the first test that does not pass
 */
export function runJavaScriptTests(script: string, tests: Given, limits: Limits, all: boolean): Promise<Run> {
  return withEngine(async (engine) => {
    const outcomes: Outcome[] = [];
    for (;;) {
      const session = await converse(engine, script, tests, limits, outcomes, all);
      if (session.over) return { value: { outcomes, total: session.total }, broken: session.broken };
      engine = await newEngine();
    }
  });
}

/** One pair of realms: adds outcomes from where the list stands until the tests are over or the program is stopped. */
async function converse(
  engine: QuickJSWASMModule,
  script: string,
  tests: Given,
  limits: Limits,
  outcomes: Outcome[],
  all: boolean,
): Promise<{ readonly over: boolean; readonly total: number; readonly broken: boolean }> {
  const judge: { realm?: Realm; call?: (op: string, fields?: object) => Said } = {};
  const program = openRealm(engine, limits, '', (message) => String(judge.call?.('callback', { message }).value));
  const serve = program.run(javascriptProgramEnd, 'harness.js');
  program.run(script, 'main.js')?.dispose();
  program.settle();
  const failed = realmMishap(program.state);
  if (failed || program.state.stopped || !serve) {
    outcomes.push(failed ?? { outcome: 'crash', detail: 'the program left before its tests' });
    serve?.dispose();
    program.dispose();
    return { over: true, total: Math.max(outcomes.length, 1), broken: true };
  }
  const realm = openRealm(await newEngine(), { ...limits, seconds: limits.seconds * 2 + 2 }, '', (message) => {
    const answer = program.call(serve, message);
    program.settle();
    return answer ?? JSON.stringify({ e: 'Error', m: 'the program was stopped' });
  });
  judge.realm = realm;
  const entry = realm.run(javascriptTestsEnd, 'tests.js');
  if (!entry) throw new Error(`the tests' engine did not start: ${realm.state.thrown}`);
  judge.call = (op, fields = {}) => JSON.parse(realm.call(entry, JSON.stringify({ op, ...fields })) ?? '{}') as Said;

  const loaded = judge.call('load', { names: topLevelNames(script), ...source(tests) });
  const total = typeof loaded.value === 'number' ? loaded.value : 1;
  if (loaded.failure) {
    outcomes.push({ outcome: 'fail', detail: clip(loaded.last ?? `the tests raised ${loaded.failure.e}`) });
  }
  let over = loaded.failure !== undefined;
  while (!over && outcomes.length < total) {
    program.renew();
    realm.renew();
    judge.call('run', { index: outcomes.length });
    realm.settle();
    const stopped = realmMishap(program.state) ?? realmMishap(realm.state);
    if (program.state.stopped || program.state.broken || stopped) {
      outcomes.push(stopped ?? { outcome: 'crash', detail: 'the program left before its test was over' });
      break;
    }
    outcomes.push(judge.call('outcome').value as Outcome);
    if (!all && outcomes.at(-1)?.outcome !== 'pass') over = true;
  }
  if (!all && outcomes.at(-1)?.outcome !== 'pass') over = true;
  serve.dispose();
  entry.dispose();
  program.dispose();
  realm.dispose();
  return { over: over || outcomes.length >= total, total, broken: true };
}

interface Said {
  readonly value?: unknown;
  readonly failure?: { readonly e: string; readonly m: string };
  readonly last?: string;
}

function source(tests: Given): object {
  if (tests.kind === 'assertions') return { assertions: tests.assertions };
  const errors = syntaxErrors(tests.source);
  if (errors.length > 0) throw new UserError('bad-tests', 'testFile: the tests are not valid JavaScript or TypeScript');
  const file = isModule(tests.source) ? transpile(tests.source) : tests.source;
  return { file, ...(tests.entryPoint === undefined ? {} : { entryPoint: tests.entryPoint }) };
}
