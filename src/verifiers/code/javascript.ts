import type { Limits } from '../sandbox/limits.js';
import { openRealm, type RealmState, withEngine } from './javascript-engine.js';
import { clip, compareOutput, type Outcome } from './outcome.js';
import type { OutputCase } from './tests.js';

/** What became of a program that did not end well; undefined where it did. */
export function realmMishap(state: RealmState): Outcome | undefined {
  if (state.stopped === 'timeout') return { outcome: 'timeout', detail: 'stopped at its time limit' };
  if (state.stopped === 'output') return { outcome: 'crash', detail: 'stopped at its limit on output' };
  if (state.stopped === 'exit') {
    return state.exitCode === 0 ? undefined : { outcome: 'crash', detail: `exit status ${state.exitCode}` };
  }
  if (state.thrown === undefined) return undefined;
  return { outcome: /out of memory/.test(state.thrown) ? 'memory' : 'crash', detail: clip(state.thrown) };
}

/** Runs a script on one input in QuickJS, in WebAssembly: no host object, file, clock or network is within its reach. */
export function runJavaScriptCase(script: string, test: OutputCase, limits: Limits): Promise<Outcome> {
  return withEngine(async (engine) => {
    const realm = openRealm(engine, limits, test.stdin);
    realm.run(script, 'main.js')?.dispose();
    realm.settle();
    realm.dispose();
    const { state } = realm;
    const value = realmMishap(state) ?? compareOutput(state.output, test.stdout);
    return { value, broken: state.broken || value.outcome === 'memory' || value.outcome === 'timeout' };
  });
}
