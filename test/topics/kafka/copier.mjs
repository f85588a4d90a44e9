// Copies `in` to `out` in the group `copy` until it is killed; the test starts several of these.
import { openKafka } from '../../../dist/topics/kafka/index.js';

const log = await openKafka(JSON.parse(process.env.SETTINGS));
const consumer = await log.consumer('copy', ['in']);
for (;;) {
  const records = await consumer.poll(5, 500);
  if (records.length === 0) continue;
  const next = new Map(
    records.map(({ partition, offset }) => [partition, { topic: 'in', partition, offset: offset + 1n }]),
  );
  const appends = records.map(({ key, value }) => ({ topic: 'out', key, value }));
  await consumer.commit({ appends, offsets: [...next.values()] }).catch((error) => {
    if (error.name !== 'FencedError') throw error;
  });
}
