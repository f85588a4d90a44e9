// Appends until it is refused, then says why and what is there.
import { openEmbedded } from '../../../../dist/topics/embedded/index.js';

const log = await openEmbedded(process.argv[2]);
await log.ensureTopics([{ name: 'in', partitions: 1 }]);
let written = 0;
let refused;
while (refused === undefined) {
  const appends = Array.from({ length: 10 }, (_, i) => ({
    topic: 'in',
    key: `${written + i}`,
    value: new Uint8Array(1000),
  }));
  try {
    await log.append(appends);
    written += 10;
  } catch (error) {
    refused = { name: error.name, code: error.code, message: error.message };
  }
}
const found = (await log.read('in', 0, 0n, 1_000_000)).length;
await log.close();
console.log(JSON.stringify({ written, found, refused }));
