import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { Summary } from '../../src/runs/run.js';
import { tinyModel } from '../models/tiny-model.js';
import { digests } from '../runs/tiny-run.js';
import { type Finished, finished, parseLines, rlsdProcess, tinyProject } from './cli.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** `rlsd` under a limit on file size, which simulates a full disk. */
function limited(kibibytes: number, args: readonly string[]): Promise<Finished> {
  // In blocks of 512 bytes.
  const command = `ulimit -f ${2 * kibibytes}; exec "$0" "$@"`;
  const child = spawn('sh', ['-c', command, process.execPath, main, ...args], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return finished(child);
}

it.each([
  // The log is by far the largest file of the tiny model's run.
  ['a commit', 16, 130, /topics: .*(disk is full|may not grow)/],
  // Weights and moments together are larger than the log is by then.
  ['a publication', 96, 600, /checkpoints.v000001: the file may not grow further/],
])(
  'a disk that fills up under %s ends the run with what to do, and the run goes on to the same end',
  {
    timeout: 120_000,
  },
  async (_, hiddenSize, kibibytes, message) => {
    const { folder, file } = tinyProject({ steps: 5 });
    rmSync(join(folder, 'model'), { recursive: true });
    tinyModel({ folder: join(folder, 'model'), hiddenSize, layers: 1, contextLength: 64, gain: 2 });
    const [whole, run] = [join(folder, 'whole'), join(folder, 'run')];
    const expected = parseLines((await rlsdProcess(['run', file, '--run', whole, '--json'])).stdout).at(
      -1,
    ) as unknown as Summary;

    const refused = await limited(kibibytes, ['run', file, '--run', run, '--json']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr).toMatch(/rlsd resume/);
    expect(refused.stderr).not.toMatch(/^ +at /m);

    const resumed = await rlsdProcess(['resume', run, '--json']);
    expect([resumed.code, resumed.stderr]).toEqual([0, '']);
    expect(parseLines(resumed.stdout).at(-1)).toMatchObject({ weights: { digest: expected.weights.digest } });
    expect(await digests(run)).toEqual(await digests(whole));
  },
);
