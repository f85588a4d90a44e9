// Overhead of one run in the sandbox against the bare interpreter, in one run: node bench/sandbox.mjs
import { execFileSync } from 'node:child_process';
import { newEngine } from '../dist/verifiers/code/javascript/engine.js';
import { runCases } from '../dist/verifiers/code/javascript/run.js';
import { defaultLimits } from '../dist/verifiers/sandbox/limits.js';
import { runProgram } from '../dist/verifiers/sandbox/run.js';
import { commandOf, findToolchain } from '../dist/verifiers/sandbox/toolchains.js';

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Alternates the two, so that other work on the machine slows both; the medians have to meet the floor. */
async function compare(name, limit, rounds, bare, boxed) {
  const times = { bare: [], boxed: [] };
  for (let i = -3; i < rounds; i++) {
    const pair = { bare: await time(bare), boxed: await time(boxed) };
    if (i < 0) continue; // What is loaded once is not part of a run.
    times.bare.push(pair.bare);
    times.boxed.push(pair.boxed);
  }
  const [a, b] = [median(times.bare), median(times.boxed)];
  const fastest = Math.min(...times.boxed) - Math.min(...times.bare);
  console.log(
    `${name}: medians of ${rounds}: bare ${a.toFixed(1)} ms, sandboxed ${b.toFixed(1)} ms, ratio ` +
      `${(b / a).toFixed(2)}, overhead ${(b - a).toFixed(1)} ms (at most ${limit}: ` +
      `${b - a <= limit ? 'held' : 'NOT held'}); fastest against fastest ${fastest.toFixed(1)} ms`,
  );
}

const python = await findToolchain('python');
const command = commandOf(python, python.run);
const [program, ...flags] = command;
const { binds, environment } = python;
await compare(
  'python',
  100,
  30,
  async () => execFileSync(program, [...flags.slice(0, -1), '-c', 'print(1)']),
  () =>
    runProgram({
      command,
      files: [{ path: 'main.py', content: 'print(1)' }],
      binds,
      environment,
      limits: defaultLimits,
    }),
);

const engine = await newEngine(defaultLimits);
const test = { kind: 'output', cases: [{ stdin: '', stdout: '1' }] };
await compare(
  'javascript',
  10,
  300,
  async () => {
    const context = engine.newContext();
    context.unwrapResult(context.evalCode('String(1)')).dispose();
    context.dispose();
  },
  () => runCases('console.log(1)', test.cases, defaultLimits, false),
);
