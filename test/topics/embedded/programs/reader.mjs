// Reads both topics beside the writer until the record with key `end`; every state it sees must be one that was
// committed.
import { openEmbedded } from '../../../../dist/topics/embedded/index.js';

const log = await openEmbedded(process.argv[2], { readOnly: true });
console.log('open');
let from = 0n;
let looks = 0;
for (let ended = false; !ended; looks++) {
  const ends = (await log.describe()).map(({ bounds }) => bounds[0].end);
  if (ends[0] !== ends[1]) throw new Error(`half a transaction: ${ends}`);
  const records = await log.read('a', 0, from, 50);
  for (const { offset, key, value } of records) {
    if (offset !== from) throw new Error(`offset ${offset} after ${from}`);
    if (value.some((byte) => byte !== Number(offset % 251n)))
      throw new Error(`record ${offset} is not what was written`);
    from += 1n;
    ended = key === 'end';
  }
  await new Promise((resolve) => setImmediate(resolve));
}
await log.close();
console.log(JSON.stringify({ records: Number(from), looks }));
