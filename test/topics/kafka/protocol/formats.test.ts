import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avro from 'avsc';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codecFor } from '../../../../src/records/codec.js';
import type { Reference } from '../../../../src/records/records.js';
import { openClient } from '../../../../src/topics/kafka/client/client.js';
import { encoder } from '../../../../src/topics/kafka/client/internals.js';
import { connectionOptions, type KafkaSettings, openKafka } from '../../../../src/topics/kafka/index.js';
import { openRegistry } from '../../../../src/topics/kafka/schema-registry/registry.js';
import { COMPRESSION, type Compression } from '../../../../src/topics/kafka/settings.js';
import type { LogRecord, TopicLog } from '../../../../src/topics/log.js';
import { type Broker, startBroker } from '../../../broker/broker.mjs';
import { startApicurio } from '../../../broker/registry.mjs';
import { lacks } from '../../../needs.js';
import { startRegistry } from '../schema-registry/registry-server.js';

/** As a program knows it that has the file alone. */
const avsc = JSON.parse(readFileSync(new URL('../../../../schemas/references.avsc', import.meta.url), 'utf8'));
const reference: Reference = { run: 'r', itemId: 'i', answer: '4', data: null, hash: 'h' };
const codec = codecFor('references');
const append = {
  topic: 'references',
  key: 'i',
  value: codec.encode(reference),
  headers: { schema: codec.fingerprint },
};
const spec = { name: 'references', partitions: 1 };
const plain = { ...reference, data: null };

/** Sets a client's quota for fetches: AlterClientQuotas, which kafkajs does not have. */
async function limitReading(brokers: readonly string[], clientId: string, bytesPerSecond: number): Promise<void> {
  const client = await openClient(await connectionOptions({ brokers }));
  const broker = await client.coordinator('group', clientId);
  const rate = Buffer.alloc(8);
  rate.writeDoubleBE(bytesPerSecond);
  const entity = encoder().writeString('client-id').writeString(clientId);
  const operation = encoder().writeString('consumer_byte_rate').writeInt64(String(rate.readBigInt64BE())).writeInt8(0); // set it
  const entry = encoder().writeArray([entity]).writeArray([operation]);
  const code = await broker.connectionPool.send({
    request: {
      apiKey: 49,
      apiVersion: 0,
      apiName: 'AlterClientQuotas',
      encode: async () => encoder().writeArray([entry]).writeInt8(0),
    },
    response: {
      decode: async (data) => ({ clientSideThrottleTime: 0, value: data.readInt16BE(8) }),
      parse: async ({ value }) => value,
    },
  });
  await client.close();
  expect(code).toBe(0);
}

describe.skipIf(await lacks('kafka'))('what lies on the cluster', () => {
  let broker: Broker | undefined;
  let brokers: readonly string[];
  let kafka: kafkajs.Kafka;
  const logs: TopicLog[] = [];
  beforeAll(async () => {
    // Quotas are kept over one second instead of ten.
    const settings = { 'quota.window.num': 2 };
    broker = process.env.KAFKA_BROKERS ? undefined : await startBroker({ settings });
    brokers = broker?.brokers ?? process.env.KAFKA_BROKERS?.split(',') ?? [];
    kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  });
  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()));
    await broker?.stop();
  });
  const prefixOf = () => `formats-${randomBytes(6).toString('hex')}.`;
  const open = async (settings: Omit<KafkaSettings, 'brokers'>) => {
    const log = await openKafka({ brokers, replicationFactor: 1, ...settings });
    logs.push(log);
    return log;
  };

  /** The committed records of a topic, as kafkajs's own consumer gives them. */
  async function consume(topic: string, count: number): Promise<kafkajs.KafkaMessage[]> {
    const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const messages: kafkajs.KafkaMessage[] = [];
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: kafkajs.EachMessagePayload) => {
        if (messages.push(message) === count) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    return messages;
  }

  it('is written in each codec that the broker reads, and read in each that the broker writes', async () => {
    const prefix = prefixOf();
    const kept = ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'];
    const admin = kafka.admin();
    await admin.connect();
    // A broker that keeps a topic in another codec than the batch has reads the batch and writes it anew.
    await admin.createTopics({
      topics: kept.map((type) => ({
        topic: prefix + type,
        numPartitions: 1,
        configEntries: [{ name: 'compression.type', value: type }],
      })),
    });
    await admin.disconnect();
    const value = (compression: string) =>
      Buffer.from(`${compression} ${randomBytes(4000).toString('hex')}`.repeat(90));
    const sent = Object.keys(COMPRESSION).map((key) => ({ key, value: value(key) }));
    for (const { key, value } of sent) {
      const log = await open({ topicPrefix: prefix, compression: key as Compression });
      await log.append(kept.map((topic) => ({ topic, key, value })));
    }
    const reader = await open({ topicPrefix: prefix });
    for (const topic of kept) {
      let records: LogRecord[] = [];
      // Another client's commits are seen once the broker has moved the end of what is stable.
      while (records.length < sent.length) records = await reader.read(topic, 0, 0n, 10);
      expect(records.map(({ key }) => key)).toEqual(sent.map(({ key }) => key));
      for (const [i, record] of records.entries())
        expect(sent[i]?.value.equals(record.value ?? Buffer.alloc(0)), `${topic} ${record.key}`).toBe(true);
    }
  });

  it('is settled once no transaction of any client is open', async () => {
    const topicPrefix = prefixOf();
    const log = await open({ topicPrefix });
    await log.ensureTopics([{ name: 'in', partitions: 2 }]);
    const producer = kafka.producer({ transactionalId: topicPrefix, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: `${topicPrefix}in`, messages: [{ key: 'late', value: '1', partition: 1 }] });
    let isSettled = false;
    const settled = log.settled('in').then(() => {
      isSettled = true;
    });
    for (let look = 0; look < 20; look++) expect(await log.read('in', 1, 0n, 1)).toEqual([]);
    expect(isSettled).toBe(false);
    await transaction.commit();
    await settled;
    expect(await log.read('in', 1, 0n, 1)).toMatchObject([{ key: 'late' }]);
    await producer.disconnect();
  });

  it('is read completely by a client over its quota', async () => {
    const topicPrefix = prefixOf();
    const clientId = `slow-${topicPrefix}`;
    const writer = await open({ topicPrefix });
    await writer.ensureTopics([{ name: 'in', partitions: 1 }]);
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    for (const key of keys) await writer.append([{ topic: 'in', key, value: randomBytes(100_000) }]);
    await limitReading(brokers, clientId, 800_000);
    const log = await open({ topicPrefix, clientId });
    const read: LogRecord[] = [];
    for (let from = 0n; ; ) {
      const page = await log.read('in', 0, from, 3);
      const last = page.at(-1);
      if (!last) break;
      read.push(...page);
      from = last.offset + 1n;
    }
    expect(read.map(({ key }) => key)).toEqual(keys);
    const consumer = await log.consumer('slow', ['in']);
    const polled: LogRecord[] = [];
    while (polled.length < keys.length) polled.push(...(await consumer.poll(5, 10_000)));
    expect(polled.map(({ key }) => key)).toEqual(keys);
  });

  it('can be read by another client with only the schema file', async () => {
    const topicPrefix = prefixOf();
    const log = await open({ topicPrefix, compression: 'gzip' });
    await log.ensureTopics([spec]);
    await log.append([append]);
    const [message] = await consume(`${topicPrefix}references`, 1);
    const type = avro.Type.forSchema(avsc);
    expect(message?.headers?.schema?.toString()).toBe(type.fingerprint('sha256').toString('hex'));
    expect(message?.key?.toString()).toBe('i');
    expect(type.fromBuffer(message?.value ?? Buffer.alloc(0))).toEqual(plain);
  });

  describe.each([
    // Where brokers are given there may be no Java.
    ...(process.env.KAFKA_BROKERS ? [] : [['Apicurio', startApicurio] as const]),
    ['the stand-in', startRegistry] as const,
  ])('with a schema registry: %s', (_, start) => {
    let registry: { url: string; close(): Promise<unknown> };
    beforeAll(async () => {
      registry = await start();
    });
    afterAll(() => registry?.close());

    it('can be read by another client with the registry, and vice versa', async () => {
      const topicPrefix = prefixOf();
      const log = await open({ topicPrefix, schemaRegistry: { url: registry.url } });
      await log.ensureTopics([spec]);
      await log.append([append]);
      const topic = `${topicPrefix}references`;
      const [{ value } = { value: null }] = await consume(topic, 1);
      expect(value?.[0]).toBe(0);
      const found = await fetch(`${registry.url}/schemas/ids/${value?.readInt32BE(1)}`);
      const { schema } = (await found.json()) as { schema: string };
      const type = avro.Type.forSchema(JSON.parse(schema));
      expect(type.fromBuffer(value?.subarray(5) ?? Buffer.alloc(0))).toEqual(plain);
      const subjects = (await (await fetch(`${registry.url}/subjects`)).json()) as string[];
      expect(subjects).toContain(`${topic}-value`);

      const producer = kafka.producer();
      await producer.connect();
      const unknown = Buffer.from([0, 0, 1, 0, 0]); // 65536
      const framed = Buffer.concat([value?.subarray(0, 5) ?? unknown, type.toBuffer({ ...plain, answer: '5' })]);
      const strange = Buffer.concat([unknown, type.toBuffer(plain)]);
      await producer.send({ topic, messages: [framed, strange].map((value) => ({ key: 'j', value })) });
      await producer.disconnect();
      const [, other, third] = await log.read('references', 0, 0n, 3);
      expect(codec.decode(other?.value ?? new Uint8Array(), other?.headers.schema)).toEqual({
        ...reference,
        answer: '5',
      });
      expect(() => codec.decode(third?.value ?? new Uint8Array(), third?.headers.schema)).toThrow(
        /id 65536, which is not in the registry/,
      );
    });

    it('does not start if the registered schema is incompatible', async () => {
      const topicPrefix = prefixOf();
      const client = openRegistry({ url: registry.url });
      const other = { ...avsc, fields: [{ name: 'somethingElse', type: 'string' }] };
      const subject = `${topicPrefix}references-value`;
      await client.register(subject, other);
      await expect(client.check(subject, avsc)).rejects.toMatchObject({ code: 'schema-incompatible' });
      await expect(client.check(subject, avsc)).rejects.not.toThrow('no reason given');
      const log = await open({ topicPrefix, schemaRegistry: { url: registry.url } });
      await expect(log.ensureTopics([spec])).rejects.toMatchObject({ code: 'schema-incompatible' });
      expect(await log.describe()).toEqual([]);
      expect(await client.byId(65_536)).toBeUndefined();
    });

    it('does not start if the address is not that of the API', async () => {
      const client = openRegistry({ url: `${registry.url}/elsewhere` });
      await expect(client.check('a-value', avsc)).rejects.toMatchObject({ code: 'registry-refused' });
    });
  });
});
