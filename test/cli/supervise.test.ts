import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { tinyFile } from '../supervise/tiny.js';
import { finished, jsonLines, parseLines, rlsd, start } from './cli.js';

it('prints progress on stderr, and the measurement and the digest on stdout', async () => {
  const file = tinyFile();
  const out = join(dirname(file), 'model');
  const { code, stdout, stderr } = await rlsd(['supervise', file, '--out', out, '--steps', '2', '--set', 'seed=9']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^tiny: 2 steps, \d+ parameters, \d+ tokens\nstep 1\/2 {2}loss \d\.\d+\nstep 2\/2 .*\n$/);
  expect(stdout).toMatch(
    /^4 held-out prompts +loss +accuracy\nplain +\d.*%\nhinted +\d.*%\nanother prompt's hint +\d.*%\n.*model: model\.safetensors [0-9a-f]{64}, /,
  );
  const again = await rlsd(['supervise', file, '--out', out]);
  expect(again).toMatchObject({
    code: 2,
    stderr: `rlsd: ${out}: contains a model; expected a new folder, or --overwrite\n`,
  });
});

it('prints one JSON object per line', async () => {
  const file = tinyFile({ steps: 2 });
  const { stdout } = await rlsd(['supervise', file, '--out', join(dirname(file), 'model'), '--json']);
  expect(parseLines(stdout).map(({ event }) => event)).toEqual(['started', 'step', 'step', 'summary']);
  expect(parseLines(stdout).at(-1)).toMatchObject({ steps: 2, heldOut: { n: 4, plain: {}, hinted: {}, shuffled: {} } });
});

it('ends cleanly after Ctrl-C, without a model', async () => {
  const file = tinyFile({ steps: 100_000 });
  const out = join(dirname(file), 'model');
  const child = start(['supervise', file, '--out', out, '--json']);
  for await (const { event } of jsonLines(child)) if (event === 'step' && child.kill('SIGINT')) break;
  const { code, stderr } = await finished(child);
  expect({ code, stderr }).toEqual({
    code: 130,
    stderr: expect.stringMatching(/^rlsd: stopped after \d+ of 100000 steps/),
  });
  expect(existsSync(out)).toBe(false);
});

it('check reads such a file as well', async () => {
  const file = tinyFile();
  expect(await rlsd(['check', file])).toMatchObject({
    code: 0,
    stdout: `${file}: no problems found, 12 prompts checked\n`,
  });
  const { code, stderr } = await rlsd(['check', file, '--set', 'learn.rate=1']);
  expect([code, stderr]).toEqual([
    2,
    `${file}: --set learn.rate: learn.rate: unknown field; expected one of batch, lr, warmup, schedule, weightDecay, betas, maxGradNorm, microTokens, threads\n`,
  ]);
});
