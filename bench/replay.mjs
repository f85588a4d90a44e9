// What a counterfactual replay of the example costs compared with the run itself, including its report: another clip of
// the evidence weights, from the recorded rollouts. In CPU time, which other processes do not stretch. Training on it
// again is shown as well.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planOf } from '../dist/pipelines/plan/plan.js';
import { readSpec } from '../dist/pipelines/spec/parse.js';
import { diffRuns } from '../dist/replay/diff/diff-runs.js';
import { replayFrom } from '../dist/replay/from.js';
import { runPipeline } from '../dist/runs/run.js';

const STEPS = Number(process.argv[2] ?? 20);
const FLOOR = 0.5;
const { spec, folder } = readSpec(new URL('../examples/arithmetic.yaml', import.meta.url).pathname, [`steps=${STEPS}`]);
const scratch = mkdtempSync(join(tmpdir(), 'rlsd-replay-'));
const run = join(scratch, 'run');

async function measure(work) {
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { result, cpu: (user + system) / 1e6, wall: (performance.now() - started) / 1000 };
}

function replay(name, options) {
  return measure(async () => {
    const to = join(scratch, name);
    await replayFrom(run, { from: 'rollouts', to, ...options });
    return diffRuns(run, to);
  });
}

const whole = await measure(() => runPipeline({ plan: planOf(spec, folder), folder: run }));
const set = ['shape={rlsd: {weightClip: 0.3}}'];
const changed = await replay('changed', { set });
const verifier = await replay('verifier', { set: ["verify={regex: {pattern: '[02468]$'}}"] });
const template = await replay('template', { set: ['teach.template="{{ trace }} {{ question }}"'] });
const trained = await replay('trained', { set, train: true });
rmSync(scratch, { recursive: true });

const line = (name, { cpu, wall }) =>
  `${name.padEnd(26)} ${cpu.toFixed(1).padStart(6)} s of processor, ${wall.toFixed(1).padStart(6)} s; ` +
  `${(cpu / whole.cpu).toFixed(2)} of the run`;
console.log(line(`run of ${STEPS} steps`, whole));
console.log(`${line('replay, another clip', changed)} (at most ${FLOOR})`);
console.log(`${line('replay, another verifier', verifier)} (at most ${FLOOR})`);
console.log(`${line('replay, another template', template)} (at most ${FLOOR})`);
console.log(line('replay that trains', trained));
const { tokenAdvantages, gradient } = changed.result;
if (tokenAdvantages.changed === 0 || gradient === null) throw new Error('the change changed nothing');
if ([changed, verifier, template].some(({ cpu }) => cpu > FLOOR * whole.cpu)) process.exitCode = 1;
