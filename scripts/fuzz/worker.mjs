// Feeds mutated inputs to one target, and tells its parent of each before it is read.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { seeded } from '../adversary/random.mjs';
import { mutated } from './mutate.mjs';
import { targets } from './targets.mjs';

const { name, count, seed, first, progress } = workerData;
const scratch = mkdtempSync(join(tmpdir(), `rlsd-fuzz-${name}-`));
const isRefusal = (error) => error?.constructor?.name === 'UserError';
try {
  const { seeds, run } = await targets[name](scratch);
  let sound = 0;
  for (const seed of seeds) {
    try {
      await run(Buffer.from(seed));
      sound++;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  if (sound === 0)
    throw new Error(`${name}: no input is accepted as it is, so nothing behind the first check is tried`);
  let [accepted, refused] = [0, 0];
  for (let i = first; i < count; i++) {
    // Each input follows from seed and number alone, so that a finding can be repeated.
    const random = seeded(seed * 1_000_003 + i);
    const bytes = mutated(random, random.pick(seeds), seeds);
    Atomics.store(progress, 0, i + 1);
    try {
      await run(Buffer.from(bytes));
      accepted++;
    } catch (error) {
      if (isRefusal(error)) {
        refused++;
        // Templates have values that are undefined, and say so.
        if (/\n +at |\[object |(?<! is | an )undefined/.test(error.message))
          parentPort.postMessage({ finding: `unclear message: ${error.message}`, i, bytes });
      } else parentPort.postMessage({ finding: String(error?.stack ?? error), i, bytes });
    }
  }
  parentPort.postMessage({ accepted, refused });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit();
