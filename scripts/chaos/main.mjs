// Kill loops: SIGKILL at random moments, a census after each, and at the end the weights of an undisturbed run. Run
// after `npm run build`.
// node scripts/chaos/main.mjs embedded|kafka [KILLS] [--seed 1]
// `embedded` kills and resumes runs on the embedded log; `kafka` kills the processes of a run on a real broker, and
// restarts the broker. One line of JSON says what was found; exits with 1 where anything was lost or repeated.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brokerMissing } from '../../test/broker/broker.mjs';
import { killEmbedded } from './embedded.mjs';
import { killKafka } from './kafka.mjs';

const loops = { embedded: killEmbedded, kafka: killKafka };
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
});
const [name, kills = '50'] = positionals;
if (!Object.hasOwn(loops, name)) {
  console.error(`found ${name ?? 'nothing'}, expected ${Object.keys(loops).join(' or ')}`);
  process.exit(2);
}
const missing = name === 'kafka' ? await brokerMissing() : undefined;
if (missing) {
  console.error(missing);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'rlsd-chaos-'));
const began = Date.now();
const { wrong, ...figures } = await loops[name](Number(kills), folder, Number(values.seed));
const seconds = Math.round((Date.now() - began) / 1000);
console.log(JSON.stringify({ fine: wrong.length === 0, loop: name, seconds, ...figures }));
for (const problem of wrong) console.error(`chaos: ${problem}`);
if (wrong.length === 0) rmSync(folder, { recursive: true, force: true });
process.exit(wrong.length === 0 ? 0 : 1);
