import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKafka } from '../../../src/topics/kafka/index.js';
import type { TopicLog } from '../../../src/topics/log.js';
import { type Broker, startBroker } from '../../broker/broker.mjs';
import { lacks } from '../../needs.js';

describe.skipIf(process.env.KAFKA_BROKERS || (await lacks('kafka')))('an outage of the brokers', () => {
  let broker: Broker;
  let log: TopicLog;
  beforeAll(async () => {
    broker = await startBroker();
    log = await openKafka({ brokers: broker.brokers, replicationFactor: 1 });
    await log.ensureTopics([{ name: 'in', partitions: 2 }]);
  });
  afterAll(async () => {
    await log?.close();
    await broker?.stop();
  });

  it('makes look-ups wait, so that what a stage is working on does not fail', async () => {
    let isOver = false;
    const restarted = broker.restart().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      expect((await log.describe()).map(({ name }) => name)).toEqual(['in']);
      await log.settled('in');
      expect(await log.read('in', 0, 0n, 1)).toEqual([]);
    }
    await restarted;
    // A topic that this log has not written to before: whether it is compacted is looked up first.
    await log.append([{ topic: 'in', key: 'a', value: new Uint8Array([1]) }]);
  });
});
