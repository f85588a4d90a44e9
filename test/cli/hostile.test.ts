import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Summary } from '../../src/runs/run.js';
import { lacks } from '../needs.js';
import { constantEngine, digests } from '../runs/tiny-run.js';
import { type Finished, finished, jsonLines, main, parseLines, rlsdProcess, start, tinyProject } from './cli.js';

const STEPS = 20;

/** A project without a model, and the weights of its run where nothing disturbs it. */
async function project(steps = STEPS) {
  const { folder, file } = tinyProject({ steps, model: { base: 'model', engine: { module: constantEngine } } });
  const whole = await rlsdProcess(['run', file, '--run', join(folder, 'whole'), '--json']);
  return { folder, file, run: join(folder, 'run'), digest: summaryOf(whole).weights.digest };
}

const summaryOf = ({ stdout }: Finished): Summary => parseLines(stdout).at(-1) as unknown as Summary;

/** `rlsd` as another program starts it. */
function under(command: string, ...args: readonly string[]): Promise<Finished> {
  const child = spawn(command, args, { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return finished(child);
}

/** Ends a run in the middle by what is done to it. */
async function disturbed(file: string, run: string, disturb: () => void): Promise<Finished> {
  const child = start(['run', file, '--run', run, '--json']);
  const watched = (async () => {
    for await (const { event, step } of jsonLines(child)) if (event === 'step' && step === 2) disturb();
  })();
  const ended = await finished(child);
  await watched;
  return ended;
}

/** What a user reads: one or two lines, without a stack trace. */
function expectClear({ code, stderr }: Finished, message: RegExp, exit = 1): void {
  expect(code).toBe(exit);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at |Unexpected error/m);
}

async function expectResumed(run: string, digest: string, ...args: string[]): Promise<void> {
  const resumed = await rlsdProcess(['resume', run, '--json', ...args]);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(summaryOf(resumed).weights.digest).toBe(digest);
}

const noBubblewrap = await lacks('bwrap');

describe('a run', { timeout: 120_000 }, () => {
  it('names a limit on open files that is too low', async () => {
    const ended = await under('sh', '-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath, main, '--version');
    expectClear(
      ended,
      /^rlsd: found a limit of 100 open files, expected at least 256: raise it with `ulimit -n 1024`\n$/,
    );
  });

  it('whose memory is used up says so, and resumes', async () => {
    const { file, run, digest } = await project();
    const args = ['--max-old-space-size=16', main, 'run', file, '--run', run, '--json'];
    const { code, stderr } = await under(process.execPath, ...args);
    expect([code, stderr]).toEqual([null, expect.stringMatching(/JavaScript heap out of memory/)]);
    const again = await rlsdProcess(['run', file, '--run', run, '--json']);
    expect(summaryOf(again).weights.digest).toBe(digest);
  });

  it('does not depend on the clock, which jumps to and fro', async () => {
    const { folder, file, run, digest } = await project(6);
    const clock = join(folder, 'clock.mjs');
    writeFileSync(
      clock,
      `const now = Date.now;
      let calls = 0;
      const jumped = () => now() + [0, 3_600_000, -3_600_000][(calls++ >> 4) % 3];
      globalThis.Date = class extends Date {
        constructor(...parts) { super(...(parts.length === 0 ? [jumped()] : parts)); }
        static now = jumped;
      };`,
    );
    const args = ['--import', pathToFileURL(clock).href, main, 'run', file, '--run', run, '--json'];
    const ended = await under(process.execPath, ...args);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(parseLines(ended.stdout).filter(({ event }) => event === 'stalled')).toEqual([]);
    expect(summaryOf(ended).weights.digest).toBe(digest);
    expect(await digests(run)).toEqual(await digests(join(folder, 'whole')));
  });

  it.each([
    ['moved away', (run: string) => run, /was removed or replaced while it was open/],
    ['without its log', (run: string) => join(run, 'topics'), /was removed or replaced while it was open/],
  ])('whose folder is %s ends, and resumes where that is back', async (_, placeOf, message) => {
    const { folder, file, run, digest } = await project();
    const away = join(folder, 'away');
    expectClear(await disturbed(file, run, () => renameSync(placeOf(run), away)), message);
    renameSync(away, placeOf(run));
    await expectResumed(run, digest);
  });

  it.skipIf(noBubblewrap)('in a folder that is read-only names it, and resumes where it is not', async () => {
    const { file, run, digest } = await project(6);
    const short = await rlsdProcess(['run', file, '--run', run, '--set', 'steps=3', '--json']);
    expect(short.code).toBe(0);
    const readOnly = ['--dev-bind', '/', '/', '--ro-bind', run, run, process.execPath, main];
    expectClear(
      await under('bwrap', ...readOnly, 'resume', run, '--steps', '6', '--json'),
      /topics: the file system is read-only/,
      2,
    );
    await expectResumed(run, digest, '--steps', '6');
  });
});
