// One stage on Kafka: consume a batch, produce as many records and commit both in a transaction. A bare kafkajs loop
// against the topic log of this project, same broker, same records, same batch size; prints records per second and
// their ratio.
// node bench/kafka.mjs [records] [batch]
import kafkajs from 'kafkajs';
import { openKafka } from '../dist/topics/kafka/index.js';
import { brokerMissing, startBroker } from '../test/broker/broker.mjs';

const missing = await brokerMissing();
if (missing) {
  console.error(missing);
  process.exit(1);
}
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const total = Number(process.argv[2] ?? 20_000);
const size = Number(process.argv[3] ?? 100);
const partitions = 4;
const given = process.env.KAFKA_BROKERS?.split(',');
const broker = given ? undefined : await startBroker();
const brokers = given ?? broker.brokers;
const prefix = `bench-${Date.now()}.`;
const log = await openKafka({ brokers: [...brokers], topicPrefix: prefix });
const value = Buffer.alloc(1024, 'x');

async function fed(name) {
  await log.ensureTopics([
    { name: `${name}-in`, partitions },
    { name: `${name}-out`, partitions },
  ]);
  for (let i = 0; i < total; i += 1000)
    await log.append(
      Array.from({ length: Math.min(1000, total - i) }, (_, j) => ({ topic: `${name}-in`, key: `k${i + j}`, value })),
    );
}

/** kafkajs as in its documentation: one transaction per batch of messages. */
async function bare() {
  await fed('bare');
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  // A transaction has to wait for the one before; with its default of 300 ms per attempt, kafkajs would do little else.
  const producer = kafka.producer({
    retry: { initialRetryTime: 10 },
    transactionalId: `${prefix}bare`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  const consumer = kafka.consumer({ groupId: `${prefix}bare`, maxWaitTimeInMs: 100 });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic: `${prefix}bare-in`, fromBeginning: true });
  let done = 0;
  let started = 0;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch({ batch, resolveOffset, heartbeat, isStale, isRunning }) {
      started ||= performance.now();
      for (let i = 0; i < batch.messages.length && isRunning() && !isStale(); i += size) {
        const messages = batch.messages.slice(i, i + size);
        const last = messages.at(-1).offset;
        const transaction = await producer.transaction();
        await transaction.send({
          topic: `${prefix}bare-out`,
          messages: messages.map(({ key, value }) => ({ key, value })),
        });
        await transaction.sendOffsets({
          consumerGroupId: `${prefix}bare`,
          topics: [
            { topic: batch.topic, partitions: [{ partition: batch.partition, offset: String(BigInt(last) + 1n) }] },
          ],
        });
        await transaction.commit();
        resolveOffset(last);
        await heartbeat();
        done += messages.length;
        if (done >= total) finish();
      }
    },
  });
  await finished;
  const seconds = (performance.now() - started) / 1000;
  await consumer.disconnect();
  await producer.disconnect();
  return total / seconds;
}

async function ours() {
  await fed('ours');
  const consumer = await log.consumer('ours', ['ours-in']);
  let done = 0;
  let started = 0;
  while (done < total) {
    const records = await consumer.poll(size, 10_000);
    started ||= performance.now();
    const next = new Map(
      records.map((r) => [r.partition, { topic: r.topic, partition: r.partition, offset: r.offset + 1n }]),
    );
    const appends = records.map(({ key, value }) => ({ topic: 'ours-out', key, value }));
    await consumer.commit({ appends, offsets: [...next.values()] });
    done += records.length;
  }
  const seconds = (performance.now() - started) / 1000;
  await consumer.close();
  return total / seconds;
}

const bareRate = await bare();
const oursRate = await ours();
const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
console.log(
  JSON.stringify({
    records: total,
    batch: size,
    bareRecordsPerSecond: Math.round(bareRate),
    logRecordsPerSecond: Math.round(oursRate),
    ratio: Number((oursRate / bareRate).toFixed(2)),
    megabytes,
  }),
);
await log.close();
await broker?.stop();
