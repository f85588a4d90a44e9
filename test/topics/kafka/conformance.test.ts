import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { openKafka } from '../../../src/topics/kafka/index.js';
import { type Broker, CURRENT, PREVIOUS, startBroker } from '../../broker/broker.mjs';
import { noBroker } from '../../broker/require.js';
import { conformance } from '../conformance.js';

const given = process.env.KAFKA_BROKERS?.split(',');
const versions = given ? ['KAFKA_BROKERS'] : [CURRENT, PREVIOUS];

describe.skipIf(noBroker).each(versions)('Kafka %s', (version) => {
  let broker: Broker | undefined;
  let brokers: readonly string[] = given ?? [];
  beforeAll(async () => {
    if (given) return;
    broker = await startBroker({ version });
    brokers = broker.brokers;
  });
  afterAll(() => broker?.stop());

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
