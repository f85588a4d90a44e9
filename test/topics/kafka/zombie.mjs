// Polls, waits for a line, then commits what it polled: the test stops this process in between.
import { once } from 'node:events';
import { openKafka } from '../../../dist/topics/kafka/index.js';

const log = await openKafka(JSON.parse(process.env.SETTINGS));
const consumer = await log.consumer('copy', ['in']);
const records = [];
while (records.length < 10) records.push(...(await consumer.poll(10, 1000)));
console.log(`polled ${records.length}`);
await once(process.stdin, 'data');
const next = new Map(records.map((r) => [r.partition, { topic: 'in', partition: r.partition, offset: r.offset + 1n }]));
const appends = records.map(({ key, value }) => ({ topic: 'out', key, value }));
const outcome = await consumer.commit({ appends, offsets: [...next.values()] }).then(
  () => 'committed',
  (error) => error.name,
);
console.log(outcome);
await log.close();
process.exit(0);
