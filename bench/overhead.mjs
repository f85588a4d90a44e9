// What the flow around the model costs in the example, and what the teacher's pass costs.
//
// The model is sampling, scoring and training. The cost of the rest is the share of a step during which no such call is
// running. CPU time is also reported by thread: the main thread with topics, codec and operators; the verifiers'
// processes; V8's helper threads (compilation and garbage collection, for the model's threads too); threads that wait
// for files; and, within the learner's thread, writing weights and checkpoints.
//
// RLSD with lambda 0 trains exactly the weights of GRPO, so the two runs differ only in the teacher's pass. They
// alternate.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const label = new URL('./probe/label.mjs', import.meta.url).href;
if (!process.execArgv.includes(label)) {
  const args = ['--import', label, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
}

const { spent } = await import('./probe/threads.mjs');
const { calls } = await import('./probe/calls.mjs');
const { readSpec } = await import('../dist/pipelines/spec/parse.js');
const { planOf } = await import('../dist/pipelines/plan/plan.js');
const { runPipeline } = await import('../dist/runs/run.js');

const STEPS = Number(process.argv[2] ?? 30);
const ROUNDS = 2;
/** Steps in which sessions and code warm up. */
const WARM = 5;
const FLOW = 0.05;
const TEACHER = 0.25;
const example = new URL('../examples/arithmetic.yaml', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'rlsd-overhead-'));
const model = ['policy-worker', 'learner', 'runtime'];

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const percent = (share) => `${(100 * share).toFixed(1)} %`;

async function measure(name, shape) {
  const { spec, folder } = readSpec(example, [`steps=${STEPS}`, 'prompts.heldOut=0', `shape=${shape}`]);
  const looks = [];
  const onEvent = (event) => {
    if (event.event !== 'step' || event.step < WARM) return;
    looks.push({ at: performance.now(), spent: spent(), ...calls() });
  };
  const { weights } = await runPipeline({ plan: planOf(spec, folder), folder: join(scratch, name), onEvent });
  const [from, to] = [looks.at(0), looks.at(-1)];
  if (!from || !to) throw new Error('no step was measured');
  const walls = looks.slice(1).map(({ at }, i) => at - looks[i].at);
  const parts = Object.fromEntries(
    Object.entries(to.spent).map(([kind, ms]) => [kind, (ms - (from.spent[kind] ?? 0)) / walls.length]),
  );
  const published = (to.publishing - from.publishing) / walls.length;
  parts.learner -= published;
  parts.publication = published;
  const missing = [...model, 'publication'].filter((kind) => !(parts[kind] > 0));
  if (missing.length > 0) throw new Error(`no time was measured for ${missing.join(', ')}: the probe is out of date`);
  return { walls, parts, uncovered: 1 - (to.covered - from.covered) / (to.at - from.at), digest: weights.digest };
}

const grpo = [];
const rlsd = [];
for (let round = 0; round < ROUNDS; round++) {
  grpo.push(await measure(`grpo-${round}`, 'grpo'));
  rlsd.push(await measure(`rlsd-${round}`, '{ rlsd: { lambda: 0 } }'));
}
rmSync(scratch, { recursive: true });
if (new Set([...grpo, ...rlsd].map(({ digest }) => digest)).size > 1)
  throw new Error('the runs trained different weights, so they do not compare');

const total = (parts) => Object.values(parts).reduce((sum, ms) => sum + ms, 0);
const around = ({ parts }) => 1 - model.reduce((sum, kind) => sum + (parts[kind] ?? 0), 0) / total(parts);
const best = rlsd.reduce((least, run) => (around(run) < around(least) ? run : least));
const seconds = (runs) => median(runs.flatMap(({ walls }) => walls)) / 1000;
const uncovered = Math.min(...rlsd.map((run) => run.uncovered));
const teacher = 1 - seconds(grpo) / seconds(rlsd);
console.log(`a step: ${seconds(rlsd).toFixed(2)} s, ${seconds(grpo).toFixed(2)} s without the teacher`);
console.log(`processor time of a step: ${total(best.parts).toFixed(0)} ms`);
for (const [kind, ms] of Object.entries(best.parts).sort(([, a], [, b]) => b - a))
  console.log(`  ${kind.padEnd(13)} ${ms.toFixed(1).padStart(6)} ms${model.includes(kind) ? '  the model' : ''}`);
console.log(`everything but the model: ${percent(around(best))} of the processor time`);
console.log(`no call of the model under way: ${percent(uncovered)} of a step's time (at most ${percent(FLOW)})`);
console.log(`teacher's pass: ${percent(teacher)} of a step's time (at most ${percent(TEACHER)})`);
if (uncovered > FLOW || teacher > TEACHER) process.exitCode = 1;
