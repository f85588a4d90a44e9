// The stages from rollout to advantages on Kafka, with constants in place of the model, and the memory of their process.
// A sample is written four times, each in the transaction that commits its input. Then one hop of the same records, in
// transactions of the same size on the same broker: by a stage, by a bare kafkajs loop, and by Kafka Streams.
// npm run build && node bench/kafka-chain.mjs [samples] [prompts in flight]     (250000 samples: a million records)
import { fork } from 'node:child_process';
import { on } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { planOf } from '../dist/pipelines/plan/plan.js';
import { MAIN_LEARNER as learner } from '../dist/pipelines/spec/learners.js';
import { readSpec } from '../dist/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../dist/pipelines/topic-log.js';
import { itemRecord, privilegedAppend } from '../dist/privileged/records.js';
import { runPipeline } from '../dist/runs/run.js';
import { publishBase } from '../dist/runs/weights/publisher.js';
import { chainSum } from '../dist/sources/tasks/chain-sum.js';
import { newTrace, toAppend, traced } from '../dist/topics/record-codec.js';
import { hop } from './hop/passes.mjs';
import { streamsHop, streamsMissing } from './hop/streams.mjs';

const floor = 0.5;
const group = 8;
const items = 1000;
const stages = ['rollout', 'verify', 'teach', 'shape'];
const file = fileURLToPath(new URL('../examples/arithmetic.yaml', import.meta.url));
const engine = fileURLToPath(new URL('../test/fakes/constant-engine.mjs', import.meta.url));

const planFor = (brokers, credit) => {
  const { spec, folder } = readSpec(file, [
    'prompts.heldOut=0',
    `model.engine={ module: ${JSON.stringify(engine)} }`,
    `rollout.group=${group}`,
    // Nothing trains: every sample has the weights of the base.
    'steps=1',
    'flow.maxLag=1000',
    `flow.credit=${credit}`,
    `topics.kafka.brokers=${brokers.join(',')}`,
  ]);
  return planOf(spec, folder);
};

/**
 * The process under test: the stages as `rlsd run --stage` runs them. Reports its memory on request.
 * @param {readonly string[]} arguments_
 */
async function chain([brokers, credit, run]) {
  const abort = new AbortController();
  process.on('message', (wanted) => {
    if (wanted === 'stop') return abort.abort();
    globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    process.send({ rss, heapUsed, cpu: user + system });
  });
  countCommits();
  const plan = planFor(brokers.split(','), Number(credit));
  await runPipeline({ plan, folder: run, stages, signal: abort.signal }).catch((error) => {
    if (error.code !== 'stopped') throw error;
  });
  process.disconnect();
}

/** Reports each commit once. One of several partitions is logged once for each of them, all at the same time. */
function countCommits() {
  const write = process.stderr.write.bind(process.stderr);
  let counted = false;
  process.stderr.write = (text) => {
    const { event, stage, appends } = `${text}`.startsWith('{') ? JSON.parse(`${text}`) : {};
    if (event === 'failed') return true; // as it is told to stop
    if (event === 'dead letter') throw new Error(String(text));
    if (event !== 'committed') return write(text);
    if (counted) return true;
    counted = true;
    queueMicrotask(() => {
      counted = false;
    });
    return process.send({ stage, appends, at: Date.now() });
  };
}

/** Prompts that repeat the items of a realistic data set, written before the clock starts. */
async function feed(log, spec, prompts) {
  const context = ({ itemId, answer, trace }) => [
    toAppend('references', { run: 'bench', itemId, answer, data: null, hash: itemId }),
    privilegedAppend(itemRecord({ run: 'bench', itemId, kind: 'trace', content: trace, source: 'bench', time: 0 })),
  ];
  const item = (index) => chainSum({ seed: 7, index: index % items, heldOut: false });
  for (let i = 0; i < Math.min(items, prompts); i += 100)
    await log.append(Array.from({ length: 100 }, (_, j) => context(item(i + j))).flat());
  const prompt = (sequence) => {
    const { itemId, question } = item(sequence);
    const promptId = `${itemId}#${Math.floor(sequence / items)}`;
    const messages = [{ role: /** @type {const} */ ('user'), content: question }];
    const seed = BigInt(spec.seed);
    const record = {
      run: 'bench',
      promptId,
      itemId,
      sequence: BigInt(sequence),
      step: 0,
      messages,
      seed,
      source: 'bench',
      level: null,
    };
    return traced(toAppend('prompts', record), newTrace('bench', promptId), 'ingest');
  };
  for (let i = 0; i < prompts; i += 500)
    await log.append(Array.from({ length: Math.min(500, prompts - i) }, (_, j) => prompt(i + j)));
}

/** Counts what each stage commits until all samples are through. */
async function watch(child, samples, onWarm) {
  const count = Object.fromEntries(stages.map((stage) => [stage, { records: 0, transactions: 0 }]));
  const moved = () => Object.values(count).reduce((sum, { records }) => sum + records, 0);
  let first;
  let warm;
  for await (const [{ stage, appends, at }] of on(child, 'message', { close: ['exit'] })) {
    if (stage === undefined) continue;
    first ??= at;
    count[stage].records += appends;
    count[stage].transactions++;
    if (count.shape.records >= samples / 4) warm ??= onWarm(moved());
    if (count.shape.records >= samples)
      return { count, moved: moved(), seconds: (at - first) / 1000, warm: await warm };
  }
  throw new Error('the stages ended');
}

async function measureChain(brokers, samples, credit) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-'));
  const run = join(folder, `chain-${Date.now()}`);
  const { spec, store, ...plan } = planFor(brokers, credit);
  const log = await openLog({ store }, run);
  await ensureTopics(log, plan.topics);
  await feed(log, spec, Math.ceil(samples / group));
  await publishBase({ log, run: 'bench', folder: run, base: join(plan.folder, spec.model.base), spec, store, learner });
  await log.close();
  const child = fork(fileURLToPath(import.meta.url), ['--chain', brokers.join(','), String(credit), run], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, RLSD_LOG: 'json' },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const memory = async (moved) => {
    child.send('memory');
    for await (const [usage] of on(child, 'message')) if ('rss' in usage) return { moved, ...usage };
  };
  const { count, moved, seconds, warm } = await watch(child, samples, memory);
  const end = await memory(moved);
  child.send('stop');
  await ended;
  rmSync(folder, { recursive: true, force: true });
  const transactions = Object.values(count).reduce((sum, stage) => sum + stage.transactions, 0);
  return {
    run: basename(run),
    moved,
    samplesPerSecond: samples / seconds,
    movedPerSecond: moved / seconds,
    microseconds: (end.cpu - warm.cpu) / (end.moved - warm.moved),
    batch: Math.round(moved / transactions),
    memory: { warm, end },
  };
}

/** Copies the verdicts of the chain, so that each hop moves the same records, in transactions of the chain's size. */
async function measureHops(brokers, { run, batch }, samples) {
  const records = Math.floor(samples / 2);
  const topic = `${run}.verdicts`;
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const { length } = await admin.fetchTopicOffsets(topic);
  const copyTo = async (kind) => {
    const target = `${run}-${kind}`;
    await admin.createTopics({
      topics: [{ topic: target, numPartitions: length, replicationFactor: 1 }],
      waitForLeaders: true,
    });
    return { brokers, topic, target, group: target, records, size: batch, warm: 1, passes: 1 };
  };
  const stage = await hop('stage', await copyTo('stage'));
  const bare = await hop('bare', await copyTo('bare'));
  const missing = await streamsMissing();
  if (missing) console.error(missing);
  const streams = missing ? undefined : await streamsHop({ ...(await copyTo('streams')), warm: 3 });
  await admin.disconnect();
  return { stage, bare, streams };
}

/** @param {readonly string[]} arguments_ */
async function main([samples = '16000', credit = '128']) {
  const { brokerMissing, startBroker } = await import('../test/broker/broker.mjs');
  const missing = await brokerMissing();
  if (missing) throw new Error(missing);
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
  const given = process.env.KAFKA_BROKERS?.split(',');
  const broker = given ? undefined : await startBroker();
  const brokers = [...(given ?? broker.brokers)];
  try {
    report(await measure(brokers, Number(samples), Number(credit)));
  } finally {
    await broker?.stop();
  }
}

async function measure(brokers, samples, credit) {
  const chain = await measureChain(brokers, samples, credit);
  return { chain, ...(await measureHops(brokers, chain, samples)) };
}

function report({ chain, stage, bare, streams }) {
  const megabytes = (bytes) => Math.round(bytes / 2 ** 20);
  const round = (value) => Number(value.toFixed(2));
  const { warm, end } = chain.memory;
  const ratio = chain.movedPerSecond / bare.perSecond;
  console.log(
    JSON.stringify({
      bench: 'kafka-chain',
      recordsMoved: chain.moved,
      movedPerSecond: Math.round(chain.movedPerSecond),
      barePerSecond: Math.round(bare.perSecond),
      ratio: round(ratio),
      floor,
      samplesThroughPerSecond: Math.round(chain.samplesPerSecond),
      cpuMicrosecondsARecord: {
        chain: round(chain.microseconds),
        stage: round(stage.microseconds),
        bareKafkajs: round(bare.microseconds),
        ...(streams && { kafkaStreams: round(streams.microseconds) }),
      },
      recordsOfATransaction: Object.fromEntries(
        Object.entries({ chain, stage, bareKafkajs: bare, ...(streams && { kafkaStreams: streams }) }).map(
          ([name, { batch }]) => [name, Math.round(batch)],
        ),
      ),
      ...(streams && { stageToKafkaStreams: round(stage.microseconds / streams.microseconds) }),
      megabytes: { warm: megabytes(warm.rss), end: megabytes(end.rss) },
      heapMegabytes: { warm: megabytes(warm.heapUsed), end: megabytes(end.heapUsed) },
    }),
  );
  if (ratio < floor) fail(`moved ${round(ratio)} times as many records a second as the bare loop; expected ${floor}`);
  for (const kind of ['rss', 'heapUsed'])
    if (end[kind] > 1.3 * warm[kind]) fail(`${kind} grew from ${warm[kind]} to ${end[kind]} bytes; expected it flat`);
}

function fail(message) {
  console.error(`kafka-chain: ${message}`);
  process.exitCode = 1;
}

const [first, ...rest] = process.argv.slice(2);
await (first === '--chain' ? chain(rest) : main(process.argv.slice(2)));
