// Consumes `in` as a group and commits two outputs for each input, in transactions of 1 to 5 inputs, until it is
// killed.
import { openEmbedded } from '../../../../dist/topics/embedded/index.js';

const log = await openEmbedded(process.argv[2]);
const consumer = await log.consumer('workers', ['in']);
for (let round = 0; ; round++) {
  const records = await consumer.poll(1 + (round % 5), 0);
  if (records.length === 0) break;
  const last = new Map(records.map((record) => [record.partition, record.offset + 1n]));
  await consumer.commit({
    appends: records.flatMap(({ key, value }) => [
      { topic: 'out', key, value },
      { topic: 'copy', key, value: new Uint8Array(3000) },
    ]),
    offsets: [...last].map(([partition, offset]) => ({ topic: 'in', partition, offset })),
  });
  console.log(round);
}
await log.close();
console.log('done');
