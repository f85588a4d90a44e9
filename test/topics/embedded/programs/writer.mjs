// Opens the folder for writing, says so, and holds it until it is killed.
import { openEmbedded } from '../../../../dist/topics/embedded/index.js';

const log = await openEmbedded(process.argv[2]);
console.log('open');
process.stdin.resume().on('end', () => log.close());
