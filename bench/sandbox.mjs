// Overhead of one run in the sandbox against the bare interpreter, in one run: node bench/sandbox.mjs
import { execFileSync } from 'node:child_process';
import { runJavaScriptCase } from '../dist/verifiers/code/javascript.js';
import { newEngine } from '../dist/verifiers/code/javascript-engine.js';
import { defaultLimits } from '../dist/verifiers/sandbox/limits.js';
import { runProgram } from '../dist/verifiers/sandbox/run.js';
import { commandOf, findToolchain } from '../dist/verifiers/sandbox/toolchains.js';

const rounds = 30;
// The fastest of many: what else the machine does can only add.
const fastest = (values) => Math.min(...values);

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function compare(name, limit, bare, boxed) {
  await bare();
  await boxed();
  const times = { bare: [], boxed: [] };
  for (let i = 0; i < rounds; i++) {
    times.bare.push(await time(bare));
    times.boxed.push(await time(boxed));
  }
  const [a, b] = [fastest(times.bare), fastest(times.boxed)];
  const overhead = b - a;
  const held = overhead <= limit ? 'held' : 'NOT held';
  console.log(
    `${name}: bare ${a.toFixed(1)} ms, sandboxed ${b.toFixed(1)} ms, ratio ${(b / a).toFixed(2)}, overhead ${overhead.toFixed(1)} ms (at most ${limit}: ${held})`,
  );
}

const python = await findToolchain('python');
const command = commandOf(python, python.run);
const [program, ...flags] = command;
const { binds, environment } = python;
await compare(
  'python',
  100,
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

const engine = await newEngine();
await compare(
  'javascript',
  10,
  async () => {
    const context = engine.newContext();
    context.unwrapResult(context.evalCode('String(1)')).dispose();
    context.dispose();
  },
  () => runJavaScriptCase('console.log(1)', { stdin: '', stdout: '1' }, defaultLimits),
);
