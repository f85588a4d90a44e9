import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../../src/pipelines/topic-log.js';
import type { TopicRecords } from '../../src/records/records.js';
import { claimTopics, type Manifest, topicManifest } from '../../src/runs/manifest/manifest.js';
import type { TopicLog } from '../../src/topics/log.js';
import { fromRecord, type TopicName } from '../../src/topics/record-codec.js';
import { scan } from '../../src/topics/scan.js';
import { type Broker, startBroker } from '../broker/broker.mjs';
import { finished, parseLines, rlsd, start, tinyProject } from '../cli/cli.js';
import { lacks } from '../needs.js';
import { constantEngine } from './tiny-run.js';

const STEPS = 6;
const stages = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];
const users = stages.map((stage) => `user_${stage}="${stage}-secret"`).join(' ');

describe.skipIf(process.env.KAFKA_BROKERS || (await lacks('kafka')))('a run on Kafka', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({
      sasl: true,
      settings: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // Who comes without a login, as the tests themselves do, may do everything.
        'super.users': 'User:ANONYMOUS',
        'listener.name.sasl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
      },
    });
  });
  afterAll(() => broker?.stop());

  let digest: string | undefined;
  /**
   * The tiny pipeline on the broker, with an engine of constants, whose weights are a digest of what they were trained
   * on, and the digest that the embedded log gives.
   */
  async function project() {
    const model = { base: 'model', engine: { module: constantEngine, latency: 20 } };
    const { folder, file } = tinyProject({ model, steps: STEPS, evaluate: { every: 3 } });
    digest ??= summaryOf((await rlsd(['run', file, '--run', join(folder, 'embedded'), '--json'])).stdout).weights
      .digest;
    const run = `run-${Math.random().toString(36).slice(2)}`;
    const sets = [`topics.kafka.brokers=${broker.brokers}`, 'topics.kafka.partitions=3', 'topics.kafka.sessionMs=2000'];
    /** Each process has a folder of its own, as on a machine of its own. */
    const args = (machine: string, ...more: string[]) => [
      ...['run', file, '--run', join(folder, machine, run), '--join', '--json'],
      ...[...sets, ...more].flatMap((set) => ['--set', set]),
    ];
    const { spec } = readSpec(file, sets);
    const plan = planOf(spec, folder);
    const open = () => openLog(plan, join(folder, run));
    return { run, args, plan, open, digest };
  }

  const summaryOf = (stdout: string) => parseLines(stdout).at(-1) as { weights: { version: number; digest: string } };
  const stageArgs = (names: readonly string[]) => names.flatMap((name) => ['--stage', name]);
  const until = async (reached: () => Promise<boolean>) => {
    while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const newest = async (log: TopicLog) => {
    let version = -1;
    for await (const record of scan(log, 'weights', 0))
      if (record.value !== null) version = fromRecord('weights', { ...record, value: record.value }).version;
    return version;
  };

  /** How many prompts the rollout with this port for its metrics holds. */
  const held = async (port: number): Promise<number> => {
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => '',
    );
    return Number(/rlsd_in_flight\{.*stage="rollout".*\} (\d+)/.exec(text)?.[1] ?? 0);
  };

  async function records<K extends TopicName>(log: TopicLog, topic: K): Promise<TopicRecords[K][]> {
    const found: TopicRecords[K][] = [];
    const bounds = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
    for (const partition of bounds.keys())
      for await (const record of scan(log, topic, partition)) {
        expect(record.value).not.toBeNull();
        if (record.value !== null) found.push(fromRecord(topic, { ...record, value: record.value }));
      }
    return found;
  }

  /**
   * Every prompt and sample once in every topic, each step trained once on all of its samples, and each version made of
   * the one before.
   */
  async function census(log: TopicLog): Promise<void> {
    const prompts = (await records(log, 'prompts')).map(({ promptId }) => promptId);
    expect(new Set(prompts).size).toBe(2 * STEPS);
    expect(prompts).toHaveLength(2 * STEPS);
    const samples = prompts.flatMap((promptId) => [0, 1, 2, 3].map((n) => `${promptId}/${n}`)).sort();
    for (const topic of ['rollouts', 'verdicts', 'teacher-scores', 'advantages'] as const) {
      const there = await records(log, topic);
      expect(there.map(({ promptId, sampleIndex }) => `${promptId}/${sampleIndex}`).sort()).toEqual(samples);
    }
    const weights = await records(log, 'weights');
    expect(weights.map(({ version, parent }) => [version, parent])).toEqual(
      Array.from({ length: STEPS + 1 }, (_, n) => [n, n === 0 ? null : n - 1]),
    );
    const trained = (await records(log, 'metrics')).filter(({ stage }) => stage === 'learn');
    expect(trained.map(({ step, values }) => [step, values.samples])).toEqual(
      Array.from({ length: STEPS }, (_, step) => [step, 8]),
    );
    expect(await records(log, 'dead-letters')).toEqual([]);
  }

  it('records more document hashes than fit into one message', async () => {
    const { plan, open, run } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    const hashes = Array.from({ length: 12_000 }, (_, k) => [`documents/${k}.md`, 'ab'.repeat(32)]);
    const manifest = { format: 1, run, folder: '/', spec: plan.spec, documents: Object.fromEntries(hashes) };
    await claimTopics(log, run, manifest as unknown as Manifest);
    expect((await topicManifest(log))?.documents).toEqual(manifest.documents);
    await log.close();
  });

  it('trains the unchanged example to exactly the weights of the embedded log', async () => {
    const { folder } = tinyProject();
    const example = fileURLToPath(new URL('../../examples/arithmetic.yaml', import.meta.url));
    const short = ['--json', '--steps', '2', ...['prompts.heldOut=8', 'learn.prompts=4'].flatMap((s) => ['--set', s])];
    const digestOf = async (name: string, ...more: string[]) => {
      const { code, stdout, stderr } = await rlsd(['run', example, '--run', join(folder, name), ...short, ...more]);
      expect([code, stderr]).toEqual([0, '']);
      return summaryOf(stdout).weights;
    };
    const embedded = await digestOf('embedded');
    expect(embedded.version).toBe(2);
    const brokers = `topics.kafka.brokers=${broker.brokers}`;
    const run = `example-${Math.random().toString(36).slice(2)}`;
    expect((await digestOf(run, '--set', brokers)).digest).toBe(embedded.digest);
    // The ends of transactions take offsets, and a step's prompts lie in several partitions.
    const ask = async (command: string, ...more: string[]) => {
      const { code, stdout } = await rlsd([command, join(folder, run), ...more, '--json']);
      expect(code).toBe(0);
      return parseLines(stdout);
    };
    expect(await ask('tail', 'weights', '-n', '2')).toMatchObject([
      { value: { version: 1 } },
      { value: { version: 2 } },
    ]);
    expect(await ask('lineage', '--step', '1')).toHaveLength(4 * 8);
    expect((await ask('lag')).every(({ lag }) => lag === 0)).toBe(true);
  });

  it('ignores foreign records on its topics, and ends with the same weights', async () => {
    const { args, open, digest, plan, run } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    await log.close();
    const junk = Buffer.from('junk');
    const chunk = { 'chunk-index': '1', 'chunk-count': '2', 'chunk-first': '999999', 'chunk-digest': 'zz' };
    const messages = [
      { key: 's1', value: null },
      { key: null, value: null },
      { key: null, value: junk },
      { key: '', value: Buffer.alloc(0) },
      { key: 's1', value: junk },
      { key: Buffer.from([0xff, 0xfe]), value: junk },
      { key: 's1', value: null, headers: { cause: 'x', ...chunk } },
      { key: 's1', value: junk, headers: chunk },
      { key: 's1', value: junk, headers: { schema: '00ff' } },
      { key: 's1', value: junk, headers: { step: '0', sample: '9', of: '4' } },
      { key: 's1', value: null, headers: { gap: 'x', step: '-1', sample: '0', of: '4' } },
      { key: 's1', value: null, headers: { gap: 'x', step: '1e3', sample: '0', of: '4' } },
    ];
    const kafka = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    await producer.sendBatch({
      topicMessages: plan.topics.map(({ name, compact }) => ({
        topic: `${run}.${name}`,
        // A compacted topic takes no message without a key.
        messages: messages.filter(({ key }) => key !== null || !compact),
      })),
    });
    await producer.disconnect();
    const { code, stdout, stderr } = await rlsd(args('one'));
    if (code !== 0) throw new Error(stderr);
    expect(summaryOf(stdout).weights).toMatchObject({ version: STEPS, digest });
    const letters = await rlsd(['dead-letters', args('one')[3] ?? '', '--json']);
    expect(letters.code).toBe(0);
  });

  it('survives kills, and ends with the weights of an uninterrupted run', async () => {
    const { args, open, digest, plan } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    let killed = 0;
    let over = false;
    const machine = async (name: string) => {
      for (;;) {
        const child = start(args(name));
        children.set(name, child);
        const { code, stdout } = await finished(child);
        if (code === 0) return summaryOf(stdout).weights;
        expect([over, code]).toEqual([false, null]);
      }
    };
    const children = new Map<string, ReturnType<typeof start>>();
    const ends = ['a', 'b'].map(machine);
    // A kill for every step: whatever the process is at then, it is in the middle of it.
    for (let step = 0; step < STEPS - 1; step++) {
      await until(async () => (await newest(log)) >= step);
      children.get(['a', 'b'][step % 2] ?? '')?.kill('SIGKILL');
      killed++;
    }
    const weights = await Promise.all(ends);
    over = true;
    expect(killed).toBe(STEPS - 1);
    expect(weights.map((one) => one.digest)).toEqual([digest, digest]);
    await census(log);
    await log.close();
  });

  it('a process that was paused past its session commits none of its records', async () => {
    const { args, open, digest, plan } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    const port = await freePort();
    const as = (machine: string, names: readonly string[], env = {}) =>
      start([...args(machine), ...stageArgs(names)], { RLSD_LOG: 'json', ...env });
    const others = finished(as('others', ['ingest', 'verify', 'teach', 'shape', 'evaluate']));
    const zombie = as('zombie', ['rollout'], { RLSD_METRICS_PORT: `${port}` });
    const end = finished(zombie);
    // Nobody has published the base, so it holds the prompts of the first step.
    await until(async () => (await held(port)) === 2);
    zombie.kill('SIGSTOP');
    const heirs = ['rollout', 'learn'].map((stage) => finished(as(stage, [stage])));
    await until(async () => (await newest(log)) >= 3);
    zombie.kill('SIGCONT');
    for (const { code, stdout } of await Promise.all([others, end, ...heirs])) {
      expect(code).toBe(0);
      expect(summaryOf(stdout).weights).toMatchObject({ version: STEPS, digest });
    }
    // The first that it does is to lose what it held, unless the run is over before it can do anything.
    const events = parseLines((await end).stderr).map(({ event }) => event);
    expect(['revoked', undefined]).toContain(events[0]);
    await census(log);
    await log.close();
  });

  it('shares the work of a stage among its processes while they join and leave', async () => {
    const { args, open, plan } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    // All prompts of the run may be in flight at once. They wait for the base, which nobody has published yet.
    const as = (machine: string, names: readonly string[], env = {}, sessionMs = 60_000) => {
      const sets = [`flow.maxLag=${STEPS - 1}`, `topics.kafka.sessionMs=${sessionMs}`];
      return start([...args(machine, ...sets), ...stageArgs(names)], env);
    };
    const ports = [await freePort(), await freePort(), await freePort()];
    const rollout = (port: number, sessionMs?: number) =>
      as(`rollout-${port}`, ['rollout'], { RLSD_METRICS_PORT: `${port}`, RLSD_LOG: 'json' }, sessionMs);
    const [a, b, c] = ports as [number, number, number];
    const hold = (...each: readonly number[]) =>
      until(async () => {
        const counts = await Promise.all(each.map(held));
        return counts.every((count) => count > 0) && counts.reduce((sum, count) => sum + count) === 2 * STEPS;
      });
    const others = finished(as('others', ['ingest', 'verify', 'teach', 'shape', 'evaluate']));
    const early = finished(rollout(a));
    // The one whose end is to be noticed soon. The others' sessions are so long that a busy machine takes none of their
    // share away.
    const killed = rollout(b, 2000);
    await hold(a, b);
    killed.kill('SIGKILL');
    await hold(a);
    const late = finished(rollout(c));
    await hold(a, c);
    const ends = await Promise.all([others, early, late, finished(as('learn', ['learn']))]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    for (const { stderr } of ends.slice(1, 3))
      expect(parseLines(stderr).map(({ event }) => event)).toContain('committed');
    await census(log);
    await log.close();
  });

  it('stops on request while it waits for other processes', async () => {
    const { args, open, plan } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    await log.close();
    const port = await freePort();
    const children = [['ingest'], ['rollout']].map((names) =>
      start([...args(names.join()), ...stageArgs(names)], {
        RLSD_METRICS_PORT: names.includes('rollout') ? `${port}` : '',
      }),
    );
    const ends = children.map((child) => finished(child));
    await until(async () => (await held(port)) === 2);
    for (const child of children) child.kill('SIGINT');
    for (const { code, stderr } of await Promise.all(ends)) {
      expect(code).toBe(130);
      expect(stderr).toMatch(/stopped; the same command with `--run \S+` continues/);
    }
  });

  it('does not continue without a deleted topic', async () => {
    const { run, args } = await project();
    expect((await finished(start([...args('first'), '--steps', '1']))).code).toBe(0);
    const admin = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [`${run}.verdicts`] });
    await admin.disconnect();
    const { code, stderr } = await finished(start([...args('second'), '--steps', '1']));
    expect([code, stderr]).toEqual([2, expect.stringContaining('topic verdicts: is missing')]);
  });

  it('runs each stage with minimal permissions, and trains the same weights', async () => {
    const { run, args, open, digest, plan } = await project();
    const log = await open();
    await ensureTopics(log, plan.topics);
    await grant(broker, run);
    const login = (stage: string) => [
      `topics.kafka.brokers=${broker.listeners.sasl}`,
      `topics.kafka.sasl={plain: {username: ${stage}, password: {env: SECRET}}}`,
    ];
    const as = (user: string, stage: string) =>
      finished(
        start([...args(`${user}-${stage}`, ...login(user)), ...stageArgs([stage])], { SECRET: `${user}-secret` }),
      );
    const refused = await as('rollout', 'teach');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/privileged.*denied/s);
    expect(refused.stderr).not.toContain('    at ');
    const ends = await Promise.all(stages.map((stage) => as(stage, stage)));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(stages.map(() => [0, '']));
    for (const { stdout } of ends) expect(summaryOf(stdout).weights).toMatchObject({ version: STEPS, digest });
    await census(log);
    await log.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The rights of docs/kafka.md. */
async function grant(broker: Broker, run: string): Promise<void> {
  const reads: Readonly<Record<string, readonly string[]>> = {
    ingest: ['source', 'privileged', 'dead-letters'],
    rollout: ['prompts'],
    verify: ['rollouts', 'references'],
    teach: ['verdicts', 'privileged', 'metrics'],
    shape: ['teacher-scores'],
    learn: ['advantages', 'checkpoints', 'metrics'],
    evaluate: ['metrics'],
  };
  const writes: Readonly<Record<string, readonly string[]>> = {
    ingest: ['source', 'prompts', 'references', 'privileged'],
    rollout: ['rollouts'],
    verify: ['verdicts'],
    teach: ['teacher-scores'],
    shape: ['advantages'],
    learn: ['weights', 'checkpoints'],
    evaluate: ['evaluations'],
  };
  const { AclOperationTypes: can, AclPermissionTypes, AclResourceTypes: on, ResourcePatternTypes: by } = kafkajs;
  const acl = [];
  for (const stage of stages) {
    const rule = (resourceType: number, name: string, resourcePatternType: number, operation: number) => ({
      ...{ resourceType, resourceName: `${run}.${name}`, resourcePatternType, operation },
      ...{ principal: `User:${stage}`, host: '*', permissionType: AclPermissionTypes.ALLOW },
    });
    const topics = [...(reads[stage] ?? []), 'weights', 'manifest'];
    const outputs = [...(writes[stage] ?? []), 'dead-letters', 'metrics', 'manifest'];
    acl.push(
      rule(on.TOPIC, '', by.PREFIXED, can.DESCRIBE),
      rule(on.TOPIC, '', by.PREFIXED, can.DESCRIBE_CONFIGS),
      rule(on.GROUP, '', by.PREFIXED, can.DESCRIBE),
      rule(on.GROUP, stage, by.LITERAL, can.READ),
      rule(on.TRANSACTIONAL_ID, `${stage}-`, by.PREFIXED, can.WRITE),
      rule(on.TRANSACTIONAL_ID, 'append-', by.PREFIXED, can.WRITE),
      ...topics.map((topic) => rule(on.TOPIC, topic, by.LITERAL, can.READ)),
      ...outputs.map((topic) => rule(on.TOPIC, topic, by.LITERAL, can.WRITE)),
    );
  }
  const kafka = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createAcls({ acl });
  await admin.disconnect();
}
