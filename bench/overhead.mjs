// What the flow around the model costs in the example, and what the teacher's pass costs. Models run in threads of their own, so what the
// main thread is busy with is everything else: topics, codec, operators. RLSD with lambda 0 trains the very weights of GRPO, so the two
// runs differ by the teacher's pass alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { readSpec } from '../dist/pipelines/parse.js';
import { planOf } from '../dist/pipelines/plan.js';
import { runPipeline } from '../dist/pipelines/run.js';

const STEPS = Number(process.argv[2] ?? 20);
const example = new URL('../examples/arithmetic.yaml', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'rlsd-overhead-'));

/** CPU milliseconds of the main thread, from Linux; the event loop's own clock would count what other processes take from it. */
function mainThread() {
  const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Steps after the first, which also warms up the sessions. */
async function measure(name, shape) {
  const { spec, folder } = readSpec(example, [`steps=${STEPS}`, 'prompts.heldOut=0', `shape=${shape}`]);
  let from;
  let to;
  const onEvent = ({ event, step }) => {
    if (event !== 'step') return;
    const now = { wall: performance.now(), main: mainThread(), cpu: process.cpuUsage() };
    if (step === 0) from = now;
    to = now;
  };
  const { weights } = await runPipeline({ plan: planOf(spec, folder), folder: join(scratch, name), onEvent });
  const wall = to.wall - from.wall;
  const cpu = (to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system) / 1000;
  const busy = to.main - from.main;
  return { wall, share: busy / cpu, secondsAStep: wall / 1000 / (STEPS - 1), digest: weights.digest };
}

const grpo = await measure('grpo', 'grpo');
const rlsd = await measure('rlsd', '{ rlsd: { lambda: 0 } }');
rmSync(scratch, { recursive: true });
if (grpo.digest !== rlsd.digest) throw new Error('the two runs trained different weights, so they do not compare');
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const teacher = 1 - grpo.wall / rlsd.wall;
console.log(`a step: ${rlsd.secondsAStep.toFixed(2)} s, ${grpo.secondsAStep.toFixed(2)} s without the teacher`);
console.log(`everything but the model: ${percent(rlsd.share)} of the processor time (at most 5 %)`);
console.log(`teacher's pass: ${percent(teacher)} of a step (at most 25 %)`);
if (rlsd.share > 0.05 || teacher > 0.25) process.exitCode = 1;
