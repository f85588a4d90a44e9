// Two processes for each stage of a pipeline on a real broker, a random one killed every few seconds and the broker restarted now
// and then; when the run is through, a census of its topics. The model is one of constants, so that what is tested is the flow.
// node scripts/chaos.mjs [kills] [seconds between kills]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureTopics, openLog } from '../dist/pipelines/open-log.js';
import { readSpec } from '../dist/pipelines/parse.js';
import { planOf } from '../dist/pipelines/plan.js';
import { fromRecord } from '../dist/pipelines/wire.js';
import { scan } from '../dist/topics/scan.js';
import { brokerMissing, startBroker } from '../test/broker/broker.mjs';

const missing = await brokerMissing();
if (missing) {
  console.error(missing);
  process.exit(1);
}
const kills = Number(process.argv[2] ?? 50);
const pause = 1000 * Number(process.argv[3] ?? 3);
const restartEvery = Math.max(2, Math.round(kills / 3));
const stages = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];
const root = fileURLToPath(new URL('..', import.meta.url));
const file = join(root, 'examples/arithmetic.yaml');
const folder = mkdtempSync(join(tmpdir(), 'rlsd-chaos-'));
const given = process.env.KAFKA_BROKERS?.split(',');
const broker = given ? undefined : await startBroker();
const brokers = given ?? broker.brokers;
// More steps than can be trained while processes are killed; the run is ended by a stop file's worth of steps, not by time.
const steps = Number(process.env.CHAOS_STEPS ?? kills * 4);
const name = `chaos-${Date.now()}`;
const sets = [
  `steps=${steps}`,
  'learn.prompts=4',
  'rollout.group=4',
  'prompts.heldOut=4',
  'evaluate.every=100',
  'teach.every=1',
  `topics.kafka.brokers=${brokers.join(',')}`,
  'topics.kafka.partitions=4',
  'topics.kafka.sessionMs=3000',
];
const { spec, folder: base } = readSpec(file, sets);
const plan = planOf(spec, base);
const log = await openLog(spec, name);
await ensureTopics(log, plan.topics);

let over = false;
let killed = 0;
let unexpected = 0;
const errors = [];
const live = new Map();

/** Each process has a folder of its own, as if on a machine of its own, and is started again whenever it ends before the run does. */
function start(id, stage) {
  const args = ['run', file, '--stage', stage, '--run', join(folder, id, name), '--json'];
  const child = spawn(
    process.execPath,
    [join(root, 'dist/cli/main.js'), ...args, ...sets.flatMap((s) => ['--set', s])],
    {
      env: { ...process.env, RLSD_CONSTANT_MODEL: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    tail = (tail + text).slice(-2000);
  });
  const done = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  live.set(id, { child, done });
  done.then(({ code, signal }) => {
    live.delete(id);
    if (over || code === 0) return;
    if (signal !== 'SIGKILL') {
      unexpected++;
      errors.push(`${id}: exit ${code}: ${tail.trim().split('\n').at(-1)}`);
    }
    setTimeout(() => over || start(id, stage), 200);
  });
}
for (const stage of stages) for (const n of [1, 2]) start(`${stage}-${n}`, stage);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function trained() {
  const [at] = await log.committed('evaluate', 'weights');
  return Number(at?.offset ?? 0n);
}
let restarts = 0;
await wait(15_000);
while (killed < kills) {
  await wait(pause * (0.5 + Math.random()));
  const running = [...live];
  const [id, { child }] = running[Math.floor(Math.random() * running.length)] ?? [undefined, {}];
  if (!child) continue;
  child.kill('SIGKILL');
  killed++;
  if (killed % 10 === 0)
    console.error(`${killed} of ${kills} killed, the last ${id}; offset ${await trained()} of the weights`);
  if (broker && killed % restartEvery === 0) {
    restarts++;
    await broker.restart();
  }
}
// From here on nothing is killed; all of it has to be done.
const deadline = Date.now() + 600_000;
while (live.size > 0 && Date.now() < deadline) await wait(500);
over = true;
const stuck = [...live.keys()];
for (const { child } of live.values()) child.kill('SIGKILL');
await Promise.all([...live.values()].map(({ done }) => done));

/** Records of a topic by what should be there once. */
async function census(topic, idOf) {
  const seen = new Map();
  const partitions = plan.topics.find((t) => t.name === topic).partitions;
  for (let partition = 0; partition < partitions; partition++)
    for await (const record of scan(log, topic, partition)) {
      const id = record.value === null ? `gap ${record.key}` : idOf(fromRecord(topic, record));
      if (id !== undefined) seen.set(id, (seen.get(id) ?? 0) + 1);
    }
  return { distinct: seen.size, twice: [...seen.values()].filter((count) => count > 1).length };
}
const prompts = spec.steps * spec.learn.prompts;
const samples = prompts * spec.rollout.group;
let consumed = 0;
const sample = (r) => `${r.promptId} ${r.sampleIndex}`;
const counts = {
  prompts: { expected: prompts, ...(await census('prompts', (r) => String(r.sequence))) },
  rollouts: { expected: samples, ...(await census('rollouts', sample)) },
  verdicts: { expected: samples, ...(await census('verdicts', sample)) },
  'teacher-scores': { expected: samples, ...(await census('teacher-scores', sample)) },
  advantages: { expected: samples, ...(await census('advantages', sample)) },
  'steps trained': {
    expected: spec.steps,
    ...(await census('metrics', (r) => {
      if (r.stage !== 'learn') return undefined;
      consumed += r.values.samples;
      return `step ${r.step}`;
    })),
  },
  weights: { expected: spec.steps + 1, ...(await census('weights', (r) => String(r.version))) },
  'dead letters': { expected: 0, ...(await census('dead-letters', (r) => r.id)) },
};
const fine =
  stuck.length === 0 &&
  consumed === samples &&
  Object.values(counts).every(({ expected, distinct, twice }) => expected === distinct && twice === 0);
console.error(errors.slice(-10).join('\n'));
console.log(
  JSON.stringify({
    fine,
    killed,
    restarts,
    unexpected,
    stuck,
    samplesConsumed: { expected: samples, found: consumed },
    counts,
  }),
);
await log.close();
await broker?.stop();
if (fine) rmSync(folder, { recursive: true, force: true });
process.exit(fine ? 0 : 1);
