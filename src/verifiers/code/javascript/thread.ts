import { parentPort } from 'node:worker_threads';
import type { Limits } from '../../sandbox/limits.js';
import { compareOutput, type Outcome } from '../outcome.js';
import type { OutputCase } from '../tests.js';
import { newEngine, withEngine } from './engine.js';
import type { FromThread, ToThread, Work } from './messages.js';
import { abnormalEnd, openRealm } from './realm.js';
import { type Serving, serveScript } from './serve.js';

// The thread of run.ts that runs programs. It has no time limit of its own; it is ended from outside.

const say = (message: FromThread) => parentPort?.postMessage(message);

/**
 * Runs a script on one input in QuickJS, in WebAssembly, out of reach of host objects, files, clocks and the network.
 */
async function runCase(script: string, test: OutputCase, limits: Limits): Promise<Outcome> {
  let outcome: Outcome = { outcome: 'crash', detail: '' };
  await withEngine(limits, (engine) => {
    const realm = openRealm(engine, limits, test.stdin);
    realm.run(script, 'main.js')?.dispose();
    realm.settle();
    realm.dispose();
    outcome = abnormalEnd(realm.state) ?? compareOutput(realm.state.output, test.stdout);
    return { broken: realm.state.broken || outcome.outcome === 'memory' };
  });
  return outcome;
}

async function runWork({ script, cases, limits, from, all }: Work): Promise<void> {
  say({ total: cases.length });
  for (const test of cases.slice(from)) {
    const outcome = await runCase(script, test, limits);
    say({ outcome });
    if (!all && outcome.outcome !== 'pass') break;
  }
  say({ over: true });
}

let serving: Serving | undefined;

parentPort?.on('message', async (message: ToThread) => {
  try {
    if ('cases' in message) await runWork(message);
    else if ('signal' in message) serving = await serveScript(message, say);
    else if ('question' in message) serving?.answer(message.question);
  } catch (cause) {
    say({ error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });
  }
});

// Compile once, before any program's time counts.
await newEngine({ memoryBytes: 0 });
say({ ready: true });
