// Memory of `rlsd export` and `rlsd import` by size of the run: peak memory without mapped files must not grow with it.
// A run of one step is padded with copies of its own rollouts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planOf } from '../dist/pipelines/plan/plan.js';
import { readSpec } from '../dist/pipelines/spec/parse.js';
import { runPipeline } from '../dist/runs/run.js';
import { openEmbedded } from '../dist/topics/embedded/index.js';

const [SMALL, LARGE] = [Number(process.argv[2] ?? 100), Number(process.argv[3] ?? 400)];
const FLOOR = 1.25;
const rlsd = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'rlsd-bundle-'));

async function runOf(megabytes) {
  const run = join(scratch, `run-${megabytes}`);
  const example = fileURLToPath(new URL('../examples/arithmetic.yaml', import.meta.url));
  const { spec, folder } = readSpec(example, ['steps=1', 'prompts.heldOut=0']);
  await runPipeline({ plan: planOf(spec, folder), folder: run });
  const log = await openEmbedded(join(run, 'topics'));
  const records = await log.read('rollouts', 0, 0n, 64);
  const copies = records.map(({ key, value, headers }) => ({ topic: 'rollouts', key, value, headers }));
  const page = Array.from({ length: 16 }, () => copies).flat();
  const bytes = page.reduce((sum, { value }) => sum + value.byteLength, 0);
  for (let written = 0; written < megabytes << 20; written += bytes) await log.append(page);
  await log.close();
  return run;
}

/** Peak memory of a command's process without mapped files, in MiB, and its wall time. */
async function measure(...args) {
  const started = performance.now();
  const child = spawn(process.execPath, [rlsd, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  let peak = 0;
  const look = setInterval(() => {
    const own = /^RssAnon:\s*(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    peak = Math.max(peak, Number(own ?? 0) / 1024);
  }, 20);
  const [code] = await once(child, 'exit');
  clearInterval(look);
  if (code !== 0) throw new Error(`rlsd ${args.join(' ')}: exit code ${code}`);
  return { peak, seconds: (performance.now() - started) / 1000 };
}

const found = { export: [], import: [] };
for (const megabytes of [SMALL, LARGE]) {
  const run = await runOf(megabytes);
  const file = join(scratch, 'run.tar');
  found.export.push(await measure('export', run, file));
  const size = statSync(file).size / 2 ** 20;
  found.import.push(await measure('import', file, join(scratch, 'moved')));
  for (const [name, results] of Object.entries(found)) {
    const { peak, seconds } = results.at(-1);
    console.log(
      `${name} of ${megabytes} MiB of records (${size.toFixed(0)} MiB as a file): ${peak.toFixed(0)} MiB of ` +
        `memory, ${seconds.toFixed(0)} s`,
    );
  }
  for (const made of [run, file, join(scratch, 'moved')]) rmSync(made, { recursive: true });
}
rmSync(scratch, { recursive: true });
for (const [name, [small, large]] of Object.entries(found)) {
  const ratio = large.peak / small.peak;
  console.log(
    `${name}: ${ratio.toFixed(2)} times the memory for ${LARGE / SMALL} times the records (at most ${FLOOR})`,
  );
  if (ratio > FLOOR) process.exitCode = 1;
}
