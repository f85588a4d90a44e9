// Runs each stage of a pipeline in two processes on a real broker, kills random ones from the first training step to
// the last, restarts the broker now and then, and then counts the records of all topics. The model is made of
// constants, and its weights are a digest of the samples that it was trained on: they have to equal those of an
// undisturbed run on the embedded log.
// node scripts/chaos.mjs [kills] [steps]
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { planOf } from '../dist/pipelines/plan/plan.js';
import { readSpec } from '../dist/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../dist/pipelines/topic-log.js';
import { lastWeights } from '../dist/runs/weights/publisher.js';
import { fromRecord } from '../dist/topics/record-codec.js';
import { scan } from '../dist/topics/scan.js';
import { brokerMissing, startBroker } from '../test/broker/broker.mjs';

const missing = await brokerMissing();
if (missing) {
  console.error(missing);
  process.exit(1);
}
const kills = Number(process.argv[2] ?? 50);
const steps = Number(process.argv[3] ?? 2 * kills);
const restarts = 2;
const limit = 720_000;
/** Give up after this many milliseconds without a step. */
const patience = 60_000;
const stages = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];
const root = fileURLToPath(new URL('..', import.meta.url));
const file = join(root, 'examples/arithmetic.yaml');
const folder = mkdtempSync(join(tmpdir(), 'rlsd-chaos-'));
const given = process.env.KAFKA_BROKERS?.split(',');
const broker = given ? undefined : await startBroker();
const brokers = given ?? broker.brokers;
const name = `chaos-${Date.now()}`;
const pipeline = [
  `model.engine={ module: ${JSON.stringify(join(root, 'test/fakes/constant-engine.mjs'))} }`,
  `steps=${steps}`,
  'learn.prompts=4',
  'rollout.group=4',
  'prompts.heldOut=4',
  `evaluate.every=${steps}`,
  'teach.every=1',
];
const kafka = [`topics.kafka.brokers=${brokers.join(',')}`, 'topics.kafka.partitions=4', 'topics.kafka.sessionMs=2000'];
const sets = [...pipeline, ...kafka];
const { spec, folder: base } = readSpec(file, sets);
const plan = planOf(spec, base);
const log = await openLog(plan, name);
await ensureTopics(log, plan.topics);

/** `rlsd run` as a process in its own folder, as if on another machine. */
function run(id, settings, ...args) {
  const all = [
    'run',
    file,
    '--run',
    join(folder, id, name),
    '--join',
    '--json',
    ...args,
    ...settings.flatMap((s) => ['--set', s]),
  ];
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...all], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tail = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      tail[stream] = (tail[stream] + text).slice(-4000);
    });
  const last = (text) => text.trim().split('\n').at(-1);
  const done = new Promise((resolve) =>
    child.once('close', (code, signal) =>
      resolve({ code, signal, summary: last(tail.stdout), complaint: last(tail.stderr) }),
    ),
  );
  return { child, done };
}

const whole = JSON.parse((await run('embedded', pipeline).done).summary);

let over = false;
let refused = 0;
const unexpected = [];
const live = new Map();
const killedOf = Object.fromEntries(stages.map((stage) => [stage, 0]));

/** Restarts a process that ends before the run does. */
function start(id, stage) {
  const { child, done } = run(id, sets, '--stage', stage);
  live.set(id, { stage, child, done });
  done.then(({ code, signal, complaint }) => {
    live.delete(id);
    if (over || code === 0) return;
    // A process that starts while the broker is down fails and is restarted; no other process ends before the run does.
    if (code === 2 && /no answer from Kafka/.test(complaint)) refused++;
    else if (signal !== 'SIGKILL') unexpected.push(`${id}: exit ${code ?? signal}: ${complaint}`);
    start(id, stage);
  });
}
for (const stage of stages) for (const n of [1, 2]) start(`${stage}-${n}`, stage);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const began = Date.now();
let progress = { version: -1, at: began };
const trained = async () => {
  const version = (await lastWeights(log))?.version ?? 0;
  if (version > progress.version) progress = { version, at: Date.now() };
  return version;
};
const late = () => Date.now() - began > limit || Date.now() - progress.at > patience;
const shuffled = (list) =>
  list
    .map((one) => [Math.random(), one])
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);

// Every process in turn, in random order, so that each stage gets its share: one kill per so many steps, or after a
// while without any.
let killed = 0;
let restarted = 0;
let first;
for (let deck = []; killed < kills && !late(); ) {
  const before = Date.now();
  const due = 1 + (killed * (steps - 2)) / kills;
  do await wait(100);
  while (
    Date.now() - before < 500 ||
    ((await trained()) < due && (Date.now() - before < 15_000 || killed === 0) && !late())
  );
  first ??= await trained();
  if (deck.length === 0) deck = shuffled([...live.keys()]);
  const id = deck.pop();
  const victim = live.get(id);
  if (!victim?.child.kill('SIGKILL')) continue;
  killedOf[victim.stage]++;
  killed++;
  if (killed % 10 === 0)
    console.error(`${killed} of ${kills} killed, the last ${id}, at step ${await trained()} of ${steps}`);
  if (broker && killed === Math.round(((restarted + 1) * kills) / (restarts + 1))) {
    restarted++;
    await broker.restart();
  }
}
const lastKill = await trained();
// No more kills: everything has to be finished.
while (live.size > 0 && !late()) {
  await wait(500);
  await trained();
}
over = true;
const stuck = [...live.keys()];
if (stuck.length > 0) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'dist/cli/main.js'),
    ...['lag', join(folder, 'learn-1', name)],
  ]).catch((error) => error);
  console.error(stdout);
}
for (const { child } of live.values()) child.kill('SIGKILL');
await Promise.all([...live.values()].map(({ done }) => done));
const seconds = Math.round((Date.now() - began) / 1000);

/** Records of a topic, by the key that should occur once. */
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
for await (const record of scan(log, 'dead-letters', 0)) {
  if (record.value === null) continue;
  const { stage, cause, error } = fromRecord('dead-letters', record);
  console.error(`chaos: dead letter of ${stage}: ${cause}: ${error}`);
}
/** Each version follows from the one before, and the last has the weights of the undisturbed run. */
let parents = 0;
for await (const record of scan(log, 'weights', 0)) {
  const { version, parent } = record.value === null ? {} : fromRecord('weights', record);
  if (version > 0 && parent === version - 1) parents++;
}
const digest = (await lastWeights(log))?.digest;
const wrong = [
  ...unexpected,
  ...Object.entries(counts).flatMap(([topic, { expected, distinct, twice }]) =>
    expected === distinct && twice === 0
      ? []
      : [`${topic}: ${distinct} of ${expected}, ${twice} of them more than once`],
  ),
  ...(consumed === samples ? [] : [`${consumed} samples trained on, expected ${samples}`]),
  ...(parents === steps ? [] : [`${parents} versions follow on the one before, expected ${steps}`]),
  ...(digest === whole.weights.digest ? [] : [`weights ${digest}, without kills ${whole.weights.digest}`]),
  ...(killed === kills ? [] : [`${killed} kills, expected ${kills}`]),
  ...stages
    .filter((stage) => killedOf[stage] < Math.floor(kills / stages.length / 2))
    .map((stage) => `${stage} was hardly killed`),
  ...(stuck.length === 0 ? [] : [`not done after ${seconds} s: ${stuck.join(', ')}`]),
];
console.log(
  JSON.stringify({
    fine: wrong.length === 0,
    seconds,
    killed,
    killedOf,
    firstKillAtStep: first,
    lastKillAtStep: lastKill,
    restarts: restarted,
    startedWithoutBroker: refused,
    samplesConsumed: { expected: samples, found: consumed },
    sameWeights: digest === whole.weights.digest,
    counts,
  }),
);
for (const problem of wrong) console.error(`chaos: ${problem}`);
await log.close();
await broker?.stop();
if (wrong.length === 0) rmSync(folder, { recursive: true, force: true });
process.exit(wrong.length === 0 ? 0 : 1);
