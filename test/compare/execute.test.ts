import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { executeRuns } from '../../src/compare/execute.js';

const program = (source: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-compare-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, source);
  return { file, folder };
};
const run = (folder: string, seed: number) => ({
  arm: 'grpo',
  seed,
  sets: ['shape="grpo"'],
  folder: join(folder, `${seed}`),
});

it('names the arm and the seed of a run that fails, and stops the others', async () => {
  const { file, folder } = program(`
    if (process.argv.includes('1')) { process.stderr.write('rlsd: no luck\\n'); process.exit(1); }
    setInterval(() => {}, 1000);
    process.once('SIGINT', () => process.exit(1));
    process.stdout.write('ready');
  `);
  const options = { pipeline: 'x.yaml', program: file, parallel: 2, signal: new AbortController().signal };
  await expect(executeRuns([run(folder, 1), run(folder, 2)], options)).rejects.toThrow('arm grpo, seed 1: no luck');
});

it('stops its runs when asked, and says how to continue', async () => {
  const { file, folder } = program('setInterval(() => {}, 1000);');
  const abort = new AbortController();
  const options = {
    pipeline: 'x.yaml',
    program: file,
    parallel: 1,
    signal: abort.signal,
    onStart: () => abort.abort(),
  };
  await expect(executeRuns([run(folder, 1), run(folder, 2)], options)).rejects.toThrow(
    'stopped; run the same command again to continue',
  );
});

it('starts a run with its arm’s fields and seed', async () => {
  const { file, folder } = program("process.stderr.write(process.argv.slice(2).join(' ')); process.exit(1);");
  const options = { pipeline: 'x.yaml', program: file, parallel: 1, signal: new AbortController().signal };
  await expect(executeRuns([run(folder, 3)], options)).rejects.toThrow(
    `run x.yaml --run ${join(folder, '3')} --seed 3 --set shape="grpo" --json`,
  );
});
