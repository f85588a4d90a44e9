// Mutated inputs for everything that reads what others wrote: no crash, no hang, no damage that passes for sound. Run
// after `npm run build`.
// node scripts/fuzz/main.mjs [TARGET…] [--count 1000] [--seed 1] [--out FOLDER]
// `--count` inputs per target. Findings are printed, and written to `--out`; exits with 1 where there is one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

/** Milliseconds that reading one input may take. */
const BOUND_MS = 20_000;
const LOOK_MS = 500;

const all = ['spec', 'set', 'records', 'bundles', 'safetensors', 'tokenizer', 'template', 'documents', 'lines'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const unknown = positionals.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`found ${unknown}, expected targets: ${all.join(', ')}`);
  process.exit(2);
}
const [count, seed] = [Number(values.count), Number(values.seed)];
let findings = 0;

function found(name, i, what, bytes) {
  findings++;
  console.log(`${name} ${i} (--seed ${seed}): ${what.split('\n').slice(0, 4).join('\n  ')}`);
  if (values.out === undefined || !bytes) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, `${name}-${seed}-${i}`), bytes);
}

/** Runs inputs from `first` on; resolves to where to go on after a hang or a crash. */
function stretch(name, first) {
  return new Promise((resolve) => {
    const progress = new Int32Array(new SharedArrayBuffer(4));
    Atomics.store(progress, 0, first);
    const options = {
      workerData: { name, count, seed, first, progress },
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    };
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), options);
    let result = { accepted: 0, refused: 0 };
    let [at, since] = [first, performance.now()];
    let isHanging = false;
    const watch = setInterval(() => {
      const now = Atomics.load(progress, 0);
      if (now !== at) [at, since] = [now, performance.now()];
      else if (!isHanging && performance.now() - since > BOUND_MS && now > first) {
        isHanging = true;
        found(name, now - 1, `took more than ${BOUND_MS} ms`);
        void worker.terminate();
      }
    }, LOOK_MS);
    worker.on('message', (message) => {
      if ('finding' in message) found(name, message.i, message.finding, message.bytes);
      else result = { ...message, done: true };
    });
    worker.on('error', (error) => found(name, Atomics.load(progress, 0) - 1, `ended its thread: ${error.stack}`));
    worker.on('exit', () => {
      clearInterval(watch);
      resolve({ ...result, next: Atomics.load(progress, 0) });
    });
  });
}

for (const name of positionals.length > 0 ? positionals : all) {
  const began = performance.now();
  const sums = { accepted: 0, refused: 0 };
  for (let next = 0; next < count; ) {
    const part = await stretch(name, next);
    sums.accepted += part.accepted;
    sums.refused += part.refused;
    if (!part.done && part.next === next) break;
    next = part.done ? count : part.next;
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${name}: ${count} inputs in ${seconds} s: ${sums.accepted} accepted, ${sums.refused} refused`);
}
console.log(findings === 0 ? 'nothing found' : `${findings} findings`);
process.exitCode = findings > 0 ? 1 : 0;
