// Adding a process raises a stage's throughput: prompts per second through `rollout` on Kafka with one process, then
// with two on the same topic. Constants after a fifth of a second per prompt take the place of the model, as if it were
// served elsewhere, so the stage is as fast as its credit allows.
// npm run build && node bench/kafka-scale.mjs [seconds for each figure]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { planOf } from '../dist/pipelines/plan/plan.js';
import { MAIN_LEARNER as learner } from '../dist/pipelines/spec/learners.js';
import { readSpec } from '../dist/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../dist/pipelines/topic-log.js';
import { publishBase } from '../dist/runs/weights/publisher.js';
import { toAppend } from '../dist/topics/record-codec.js';
import { brokerMissing, startBroker } from '../test/broker/broker.mjs';

const floor = 1.5;
const credit = 8;
const latency = 200;
const file = fileURLToPath(new URL('../examples/arithmetic.yaml', import.meta.url));
const engine = fileURLToPath(new URL('../test/fakes/constant-engine.mjs', import.meta.url));
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const prompt = (sequence) => ({
  ...{ run: 'bench', promptId: `p${sequence}`, itemId: `p${sequence}`, sequence: BigInt(sequence), step: 0, seed: 7n },
  ...{ messages: [{ role: /** @type {const} */ ('user'), content: '1 + 1 =' }], source: 'bench', level: null },
});

/** Prompts per second with one process, and with two. */
async function measure(brokers, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-'));
  const name = `scale-${Date.now()}`;
  const kafka = [`topics.kafka.brokers=${brokers.join(',')}`, 'topics.kafka.partitions=6'];
  // Nothing trains: the base samples every prompt.
  const model = `model.engine={ module: ${JSON.stringify(engine)}, latency: ${latency} }`;
  const sets = [...kafka, model, 'steps=1', 'flow.maxLag=1000', `learn.prompts=${credit}`, `flow.credit=${credit}`];
  const { spec, folder: base } = readSpec(file, sets);
  const plan = planOf(spec, base);
  const log = await openLog(plan, name);
  await ensureTopics(log, plan.topics);
  await publishBase({ log, run: 'bench', folder, base: join(base, spec.model.base), spec, store: plan.store, learner });
  // As many as both measurements can take, and as many again for the start of the second process.
  const prompts = Math.ceil(((3 * seconds + 30) * credit * 1000) / latency);
  for (let at = 0; at < prompts; at += 500)
    await log.append(
      Array.from({ length: Math.min(500, prompts - at) }, (_, i) => toAppend('prompts', prompt(at + i))),
    );

  const children = [];
  /** Resolves after the first commit of the process. */
  const start = async (machine) => {
    const args = ['run', file, '--run', join(folder, machine, name), '--join', '--stage', 'rollout', '--json'];
    const child = spawn(process.execPath, [main, ...args, ...sets.flatMap((set) => ['--set', set])], {
      env: { ...process.env, RLSD_LOG: 'json' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const lines = createInterface({ input: child.stderr });
    await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        if (!line.startsWith('{')) console.error(line);
        else if (JSON.parse(line).event === 'committed') resolve(undefined);
      });
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
    });
  };
  const done = async () =>
    (await log.committed('rollout', 'prompts')).reduce((sum, { offset }) => sum + Number(offset), 0);
  const rate = async () => {
    const [before, began] = [await done(), performance.now()];
    await sleep(seconds * 1000);
    return ((await done()) - before) / ((performance.now() - began) / 1000);
  };
  try {
    await start('one');
    const one = await rate();
    await start('two');
    return { one, two: await rate() };
  } finally {
    for (const child of children) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const missing = await brokerMissing();
if (missing) throw new Error(missing);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const given = process.env.KAFKA_BROKERS?.split(',');
const broker = given ? undefined : await startBroker();
try {
  const { one, two } = await measure([...(given ?? broker.brokers)], Number(process.argv[2] ?? 10));
  const round = (value) => Number(value.toFixed(2));
  const promptsPerSecond = { one: round(one), two: round(two) };
  console.log(JSON.stringify({ bench: 'kafka-scale', promptsPerSecond, ratio: round(two / one), floor }));
  if (two / one < floor) {
    console.error(`kafka-scale: two processes are ${round(two / one)} times as fast as one; expected ${floor}`);
    process.exitCode = 1;
  }
} finally {
  await broker?.stop();
}
