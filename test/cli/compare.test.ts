import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { jsonLines, parseLines, rlsdProcess, start, tinyProject } from './cli.js';

const experiment = {
  experiment: 'tiny',
  pipeline: 'tiny.yaml',
  arms: { grpo: { shape: 'grpo' }, rlsd: {} },
  baseline: 'grpo',
  controls: ['shuffled'],
  seeds: [1, 2],
  parallel: 2,
};

it('trains every arm with every seed, continues after an interruption, and reports', async () => {
  const { folder } = tinyProject({ steps: 1 });
  const file = join(folder, 'experiment.yaml');
  const out = join(folder, 'out');
  writeFileSync(file, stringify(experiment));
  const child = start(['compare', file, '--out', out, '--json']);
  for await (const event of jsonLines(child)) if (event.event === 'result' && event.done === 1) child.kill('SIGINT');
  expect(child.exitCode).not.toBe(0);

  const { code, stdout, stderr } = await rlsdProcess(['compare', file, '--out', out, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const events = parseLines(stdout);
  expect(events[0]).toMatchObject({ arms: ['grpo', 'rlsd', 'rlsd-shuffled'], runs: 6 });
  expect(events.filter(({ event }) => event === 'start').length).toBeLessThanOrEqual(5);
  expect(events.filter(({ event }) => event === 'result')).toHaveLength(6);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(report.arms.map(({ name, final }: { name: string; final: { n: number } }) => [name, final.n])).toEqual([
    ['grpo', 2],
    ['rlsd', 2],
    ['rlsd-shuffled', 2],
  ]);
  for (const name of ['report.html', 'report.md']) expect(existsSync(join(out, name))).toBe(true);

  const text = await rlsdProcess(['compare', file, '--out', out]);
  expect(text.stdout).toMatch(/Against the controls, at equal steps\n[\s\S]*rlsd +rlsd-shuffled/);

  const manifest = join(out, 'runs', 'rlsd', 'seed-2', 'manifest.json');
  const found = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(found), prompts: 'others' }));
  const differ = await rlsdProcess(['compare', file, '--out', out]);
  expect(differ.stderr).toContain('arm rlsd, seed 2: was trained with another prompts than arm grpo, seed 1, and its');
  writeFileSync(manifest, found);

  writeFileSync(
    file,
    stringify({ ...experiment, arms: { ...experiment.arms, grpo: { shape: 'grpo', 'learn.kl': 1 } } }),
  );
  expect(await rlsdProcess(['compare', file, '--out', out])).toMatchObject({
    code: 2,
    stderr: `rlsd: ${out}: has runs of another arm grpo; expected a new folder, given by --out\n`,
  });
});
