// The hop in kafkajs as its documentation shows it: one transaction per batch of messages. Bytes as they are.
import kafkajs from 'kafkajs';
import { runPasses } from './passes.mjs';

await runPasses(async ({ brokers, topic, target, records, size }, groupId, clock) => {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  // A transaction has to wait for the one before; with its default of 300 ms per attempt, kafkajs would do little else.
  const retry = { initialRetryTime: 10 };
  const producer = kafka.producer({ retry, transactionalId: groupId, idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  consumer.on(consumer.events.GROUP_JOIN, clock.begin);
  let moved = 0;
  let transactions = 0;
  await new Promise((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      async eachBatch({ batch, resolveOffset, heartbeat, isStale, isRunning }) {
        for (let i = 0; i < batch.messages.length && isRunning() && !isStale(); i += size) {
          const some = batch.messages.slice(i, i + size);
          const last = some.at(-1).offset;
          const messages = some.map(({ key, value, headers }) => ({ key, value, headers }));
          const transaction = await producer.transaction();
          await transaction.send({ topic: target, messages });
          const partitions = [{ partition: batch.partition, offset: String(BigInt(last) + 1n) }];
          await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions }] });
          await transaction.commit();
          resolveOffset(last);
          await heartbeat();
          moved += messages.length;
          transactions++;
          if (moved >= records) resolve(clock.end());
        }
      },
    });
  });
  await consumer.disconnect();
  await producer.disconnect();
  return transactions;
});
