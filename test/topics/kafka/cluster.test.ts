import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient } from '../../../src/topics/kafka/client/client.js';
import { checkKafkaTopics, type KafkaSettings, openKafka } from '../../../src/topics/kafka/index.js';
import { openWriter } from '../../../src/topics/kafka/producer/writer.js';
import { FencedError, type LogRecord, type TopicLog } from '../../../src/topics/log.js';
import { type Broker, startBroker } from '../../broker/broker.mjs';
import { lacks } from '../../needs.js';

const text = (value: string) => new TextEncoder().encode(value);

async function readAll(log: TopicLog, topic: string, partitions: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let from = 0n; ; ) {
      const page = await log.read(topic, partition, from, 500);
      records.push(...page);
      const last = page.at(-1);
      if (!last) break;
      from = last.offset + 1n;
    }
  }
  return records;
}

/** Copies `in` to `out` in the group `copy` until `done`. */
async function copy(log: TopicLog, done: () => boolean, seen: (count: number) => void): Promise<void> {
  const consumer = await log.consumer('copy', ['in']);
  while (!done()) {
    const records = await consumer.poll(15, 200);
    if (records.length === 0) continue;
    const next = new Map(
      records.map(({ topic, partition, offset }) => [partition, { topic, partition, offset: offset + 1n }]),
    );
    const appends = records.map(({ key, value }) => ({ topic: 'out', key, value }));
    try {
      await consumer.commit({ appends, offsets: [...next.values()] });
      seen(records.length);
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
    }
  }
  await consumer.close();
}

describe.skipIf(process.env.KAFKA_BROKERS || (await lacks('kafka', 'openssl')))('a cluster of three brokers', () => {
  let cluster: Broker;
  const logs: TopicLog[] = [];
  beforeAll(async () => {
    cluster = await startBroker({ brokers: 3 });
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()));
  });

  const settingsOf = (more: Partial<KafkaSettings> = {}): KafkaSettings => ({
    brokers: cluster.brokers,
    topicPrefix: `cluster-${randomBytes(6).toString('hex')}.`,
    sessionMs: 6000,
    ...more,
  });
  const open = async (settings: KafkaSettings) => {
    const log = await openKafka(settings);
    logs.push(log);
    return log;
  };

  it('loses and repeats nothing while brokers are killed and restarted', async () => {
    const log = await open(settingsOf());
    await log.ensureTopics([
      { name: 'in', partitions: 6 },
      { name: 'out', partitions: 6 },
    ]);
    const count = 1200;
    let seen = 0;
    const waiting: { readonly least: number; readonly resolve: () => void }[] = [];
    const tell = () => {
      for (const { least, resolve } of waiting) if (seen >= least) resolve();
    };
    const reached = (share: number) =>
      new Promise<void>((resolve) => {
        waiting.push({ least: count * share, resolve });
        tell();
      });
    const done = () => seen >= count;
    const feed = async () => {
      for (let i = 0; i < count; i += 100)
        await log.append(Array.from({ length: 100 }, (_, j) => ({ topic: 'in', key: `k${i + j}`, value: text('v') })));
    };
    const chaos = async () => {
      await reached(0.1);
      await cluster.kill(0);
      await reached(0.4);
      await cluster.start(0);
      await cluster.kill(1);
      await reached(0.7);
      await cluster.start(1);
    };
    const copied = (n: number) => {
      seen += n;
      tell();
    };
    await Promise.all([feed(), chaos(), copy(log, done, copied), copy(log, done, copied)]);
    const keys = (await readAll(log, 'out', 6)).map(({ key }) => key).sort();
    expect(keys).toEqual(Array.from({ length: count }, (_, i) => `k${i}`).sort());
  });

  it('loses and repeats nothing while processes are killed', async () => {
    const settings = settingsOf({ sessionMs: 1500 });
    const log = await open(settings);
    await log.ensureTopics([
      { name: 'in', partitions: 4 },
      { name: 'out', partitions: 4 },
    ]);
    const count = 1000;
    const keys = Array.from({ length: count }, (_, i) => `k${i}`);
    await log.append(keys.map((key) => ({ topic: 'in', key, value: text('v') })));
    const start = () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL('copier.mjs', import.meta.url))], {
        env: { ...process.env, SETTINGS: JSON.stringify(settings) },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child.stderr.on('data', (data) => complaints.push(String(data)));
      return child;
    };
    const complaints: string[] = [];
    const children = [start(), start()];
    const copied = async () => {
      let total = 0n;
      for (const { offset } of await log.committed('copy', 'in')) total += offset;
      return Number(total);
    };
    try {
      let kills = 0;
      for (let before = 0; ; ) {
        const now = await copied();
        if (now >= count) break;
        // The brokers have other things to do than to answer this.
        await new Promise((resolve) => setTimeout(resolve, 20));
        // Killed while it copies: as soon as the two have got on since the last kill.
        if (now > before + count / 8) {
          before = now;
          const [victim] = children.splice(kills++ % 2, 1);
          victim?.kill('SIGKILL');
          children.push(start());
        }
      }
      expect(kills).toBeGreaterThan(3);
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
    expect(complaints).toEqual([]);
    expect((await readAll(log, 'out', 4)).map(({ key }) => key).sort()).toEqual([...keys].sort());
  });

  it('sends records larger than the message limit in chunks', async () => {
    const settings = settingsOf({ maxMessageBytes: 20_000, compression: 'snappy' });
    const log = await open(settings);
    const other = await open(settings);
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    const large = randomBytes(150_000);
    const digestOf = (value: Uint8Array | null) =>
      createHash('sha256')
        .update(value ?? '')
        .digest('hex');
    // Two writers at once, so that chunks of one and records of the other mix.
    const small = async () => {
      for (let i = 0; i < 10; i++) await other.append([{ topic: 'in', key: `small ${i}`, value: text(`${i}`) }]);
    };
    await Promise.all([
      log.append([
        { topic: 'in', key: 'before', value: text('b') },
        { topic: 'in', key: 'large', value: large, headers: { schema: 's' } },
        { topic: 'in', key: 'after', value: text('a') },
      ]),
      small(),
    ]);
    const whole = await readAll(log, 'in', 1);
    expect(whole.map(({ key }) => key).sort()).toEqual(
      ['after', 'before', 'large', ...Array.from({ length: 10 }, (_, i) => `small ${i}`)].sort(),
    );
    const record = whole.find(({ key }) => key === 'large');
    expect(digestOf(record?.value ?? null)).toBe(digestOf(large));
    expect(record?.headers).toEqual({ schema: 's' });
    // From any offset on, also from within the large record, the same records come.
    const [bounds] = (await log.describe()).find(({ name }) => name === 'in')?.bounds ?? [];
    for (let from = 0n; from < (bounds?.end ?? 0n); from++) {
      const expected = whole.filter(({ offset }) => offset >= from);
      const found = await log.read('in', 0, from, 100);
      expect(found.map(({ offset }) => offset)).toEqual(expected.map(({ offset }) => offset));
      expect(found.map(({ value }) => digestOf(value))).toEqual(expected.map(({ value }) => digestOf(value)));
    }
    const consumer = await log.consumer('g', ['in']);
    const records: LogRecord[] = [];
    while (records.length < 13) records.push(...(await consumer.poll(100, 10_000)));
    expect(records.map(({ offset }) => offset)).toEqual(whole.map(({ offset }) => offset));
  });

  it('refuses to chunk a record of a compacted topic', async () => {
    const log = await open(settingsOf({ maxMessageBytes: 20_000 }));
    await log.ensureTopics([{ name: 'table', partitions: 1, compact: true }]);
    const append = log.append([{ topic: 'table', key: 'k', value: randomBytes(30_000) }]);
    await expect(append).rejects.toMatchObject({ code: 'record-too-large' });
  });

  it('lists every difference of a topic that somebody else created', async () => {
    const settings = settingsOf();
    const log = await open(settings);
    const kafka = new kafkajs.Kafka({ brokers: [...cluster.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: '1000' },
      { name: 'max.message.bytes', value: '5000' },
    ];
    await admin.createTopics({
      topics: [{ topic: `${settings.topicPrefix}prompts`, numPartitions: 2, configEntries }],
    });
    await admin.disconnect();
    const spec = { name: 'prompts', partitions: 4, compact: true };
    const message = await log.ensureTopics([spec]).catch(String);
    expect(message).toMatch(/prompts: partitions is 2, expected 4; compact is false, expected true/);
    expect(message).toMatch(/retention ms is 1000, expected -1; max.message.bytes is 5000, expected at least 1000000/);
    const found = await checkKafkaTopics(settings, [spec, { name: 'rollouts', partitions: 1 }]);
    expect(found.missing).toEqual(['rollouts']);
    expect(message).toContain(found.wrong.join('\n'));
    expect((await log.describe()).map(({ name }) => name)).toEqual(['prompts']);
  });

  describe('the fences behind exactly-once', () => {
    const clients: Client[] = [];
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
    });
    const writerOf = async (transactionalId: string) => {
      const client = await openClient({
        brokers: cluster.brokers,
        clientId: 'test',
        connectionTimeout: 5000,
        authenticationTimeout: 5000,
        reauthenticationThreshold: 5000,
        requestTimeout: 30_000,
        enforceRequestTimeout: true,
        metadataMaxAge: 300_000,
        allowAutoTopicCreation: false,
        isolationLevel: 1,
        retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1000 },
      });
      clients.push(client);
      const isCompacted = async () => false;
      return openWriter(client, { transactionalId, compression: 0, limit: 1_000_000, written: new Map(), isCompacted });
    };

    it('reject a writer whose id was taken', async () => {
      const settings = settingsOf();
      const log = await open(settings);
      await log.ensureTopics([{ name: 'out', partitions: 1 }]);
      const append = { topic: `${settings.topicPrefix}out`, key: 'k', value: text('v') };
      const former = await writerOf(`${settings.topicPrefix}id`);
      await former.write([append]);
      const heir = await writerOf(`${settings.topicPrefix}id`);
      await heir.init();
      await expect(former.write([append])).rejects.toThrow(FencedError);
      await heir.write([append]);
      // What another client committed can be read a moment later.
      await expect.poll(() => readAll(log, 'out', 1), { timeout: 20_000 }).toHaveLength(2);
    });

    it('reject the former owner as soon as another member has its partitions', async () => {
      const settings = settingsOf();
      const log = await open(settings);
      await log.ensureTopics([
        { name: 'in', partitions: 2 },
        { name: 'out', partitions: 1 },
      ]);
      const append = { topic: `${settings.topicPrefix}out`, key: 'k', value: text('v') };
      const former = await Promise.all([0, 1].map((number) => writerOf(`${settings.topicPrefix}g-${number}`)));
      for (const writer of former) await writer.write([append]);
      // It has read and written nothing yet.
      await log.consumer('g', ['in']);
      for (const writer of former) await expect(writer.write([append])).rejects.toThrow(FencedError);
    });

    it('reject offsets of another generation, and the outputs with them', async () => {
      const settings = settingsOf();
      const log = await open(settings);
      await log.ensureTopics([
        { name: 'in', partitions: 1 },
        { name: 'out', partitions: 1 },
      ]);
      await log.append([{ topic: 'in', key: 'k', value: text('v') }]);
      await log.consumer('g', ['in']);
      const group = `${settings.topicPrefix}g`;
      const offsets = [{ topic: `${settings.topicPrefix}in`, partition: 0, offset: 1n }];
      const append = { topic: `${settings.topicPrefix}out`, key: 'k', value: text('v') };
      const stranger = await writerOf(`${settings.topicPrefix}stranger`);
      const write = stranger.write([append], { group, generation: 99, member: 'nobody', offsets });
      await expect(write).rejects.toThrow(FencedError);
      expect(await readAll(log, 'out', 1)).toEqual([]);
      expect((await log.committed('g', 'in'))[0]?.offset).toBe(0n);
    });
  });

  describe('a process that was stopped past its session', () => {
    let child: ChildProcess | undefined;
    afterEach(() => child?.kill('SIGKILL'));

    it('commits nothing when it continues', async () => {
      const settings = settingsOf({ sessionMs: 2000 });
      const log = await open(settings);
      await log.ensureTopics([
        { name: 'in', partitions: 2 },
        { name: 'out', partitions: 1 },
      ]);
      const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
      await log.append(keys.map((key) => ({ topic: 'in', key, value: text(key) })));
      const zombie = spawn(process.execPath, [fileURLToPath(new URL('zombie.mjs', import.meta.url))], {
        env: { ...process.env, SETTINGS: JSON.stringify(settings) },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child = zombie;
      const lines = createInterface({ input: zombie.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('polled 10');
      zombie.kill('SIGSTOP');
      const heir = await log.consumer('copy', ['in']);
      const records: LogRecord[] = [];
      while (records.length < 10) records.push(...(await heir.poll(10, 1000)));
      const appends = records.map(({ key, value }) => ({ topic: 'out', key, value }));
      const next = new Map(
        records.map(({ topic, partition, offset }) => [partition, { topic, partition, offset: offset + 1n }]),
      );
      await heir.commit({ appends, offsets: [...next.values()] });
      zombie.stdin.write('go on\n');
      zombie.kill('SIGCONT');
      expect((await lines.next()).value).toBe('FencedError');
      zombie.stdin.end();
      await once(zombie, 'exit');
      expect((await readAll(log, 'out', 1)).map(({ key }) => key).sort()).toEqual([...keys].sort());
    });
  });
});
