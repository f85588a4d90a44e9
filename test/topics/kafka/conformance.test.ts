import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient } from '../../../src/topics/kafka/client/client.js';
import { encoder } from '../../../src/topics/kafka/client/internals.js';
import { connectionOptions, openKafka } from '../../../src/topics/kafka/index.js';
import { type Broker, CURRENT, FIRST_OF_FOUR, PREVIOUS, startBroker } from '../../broker/broker.mjs';
import { lacks } from '../../needs.js';
import { conformance } from '../conformance.js';

const given = process.env.KAFKA_BROKERS?.split(',');
const versions = given ? ['KAFKA_BROKERS'] : [CURRENT, FIRST_OF_FOUR, PREVIOUS];

describe.skipIf(await lacks('kafka')).each(versions)('Kafka %s', (version) => {
  let broker: Broker | undefined;
  let brokers: readonly string[] = given ?? [];
  beforeAll(async () => {
    if (given) return;
    broker = await startBroker({ version });
    brokers = broker.brokers;
  });
  afterAll(() => broker?.stop());

  const features =
    version === PREVIOUS
      ? ([['metadata.version', 21]] as const)
      : ([
          ['transaction.version', 2],
          ['group.version', 1],
        ] as const);
  it('is formatted with the features of a new cluster', async () => {
    const client = await openClient(await connectionOptions({ brokers }));
    const node = await client.retrying('finding a broker', () => client.coordinator('group', 'g'));
    const answer: Buffer = await node.connectionPool.send({
      request: {
        ...{ apiKey: 18, apiVersion: 3, apiName: 'ApiVersions' },
        encode: async () =>
          encoder().writeUVarInt(0).writeUVarIntString('rlsd').writeUVarIntString('1').writeUVarInt(0),
      },
      response: {
        decode: async (value) => ({ clientSideThrottleTime: 0, value }),
        parse: async ({ value }) => value,
      },
    });
    await client.close();
    // What a broker supports comes before what the cluster has, and a name before its level.
    const levelOf = (name: string) => answer.readInt16BE(answer.lastIndexOf(name) + name.length);
    for (const [name, level] of features) expect([name, levelOf(name)]).toEqual([name, level]);
  });

  it('keeps its partitions while processing takes longer than the session timeout', async () => {
    const sessionMs = 1000;
    const log = await openKafka({ brokers, topicPrefix: `long-${randomBytes(6).toString('hex')}.`, sessionMs });
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    await log.append([{ topic: 'in', key: 'k', value: Buffer.from('v') }]);
    const member = await log.consumer('g', ['in']);
    const [record] = await member.poll(1, 30_000);
    const other = await log.consumer('g', ['in']);
    // All this while the other asks for work: were the first silent for its session, the record would come here.
    expect(await other.poll(1, 3 * sessionMs)).toEqual([]);
    await member.commit({ appends: [], offsets: [{ topic: 'in', partition: 0, offset: (record?.offset ?? 0n) + 1n }] });
    expect((await log.committed('g', 'in')).map(({ offset }) => offset)).toEqual([(record?.offset ?? 0n) + 1n]);
    await log.close();
  });

  conformance(`Kafka ${version}`, async () => {
    const settings = {
      brokers,
      topicPrefix: `conformance-${randomBytes(6).toString('hex')}.`,
      sessionMs: 6000,
      replicationFactor: 1,
    };
    let log = await openKafka(settings);
    return {
      log,
      async reopen() {
        await log.close();
        log = await openKafka(settings);
        return log;
      },
      cleanup: () => log.close(),
    };
  });
});
