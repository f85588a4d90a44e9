import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { armsOf, comparisonRuns, sweepRuns } from '../../src/compare/arms.js';
import { experimentSchema, readExperiment } from '../../src/compare/experiment.js';
import { tinyFolder, tinyPipeline } from '../runs/tiny-run.js';

const written = (change: object) => {
  const base = tinyFolder();
  writeFileSync(join(base, 'tiny.yaml'), stringify(tinyPipeline));
  const experiment = {
    experiment: 'tiny',
    pipeline: 'tiny.yaml',
    arms: { grpo: { shape: 'grpo' }, rlsd: {} },
    baseline: 'grpo',
    seeds: [1, 2],
    ...change,
  };
  const file = join(base, 'experiment.yaml');
  writeFileSync(file, stringify(experiment));
  return file;
};

describe('readExperiment', () => {
  it.each<[object, RegExp]>([
    [{ baseline: 'gpro' }, /baseline: found gpro, expected one of the arms: grpo, rlsd/],
    [{ seeds: [] }, /seeds: /],
    [{ seeds: [1, 1] }, /seeds: found a seed twice/],
    [{ tune: { values: [1, 2], seeds: [2] } }, /seeds: 2: also a seed of tune; expected fresh seeds/],
    [
      { arms: { grpo: { 'prompts.file': 'other.jsonl' } } },
      /cannot change prompts.file, which decides prompts and budget/,
    ],
    [{ arms: {} }, /arms: expected at least one arm/],
    [{ sedes: [1] }, /sedes: unknown field; did you mean seeds\?/],
    [{ controls: ['shufled'] }, /experiment\.yaml:\d+:\d+: controls\.0: found "shufled"/],
  ])('refuses %j', (change, message) => expect(() => readExperiment(written(change))).toThrow(message));

  it('names a file that is not there', () =>
    expect(() => readExperiment('none.yaml')).toThrow(/none.yaml: cannot be read/));
});

describe('armsOf', () => {
  it('adds the controls of the arms that see privileged context', async () => {
    const arms = await armsOf(readExperiment(written({})));
    expect(arms.map(({ name }) => name)).toEqual(['grpo', 'rlsd', 'rlsd-shuffled', 'rlsd-none', 'rlsd-permuted']);
  });

  it('does not permute an arm that distills distributions', async () => {
    const experiment = readExperiment(written({ arms: { grpo: { shape: 'grpo' }, opsd: { shape: 'opsd' } } }));
    expect((await armsOf(experiment)).map(({ name }) => name)).toEqual(['grpo', 'opsd', 'opsd-shuffled', 'opsd-none']);
  });

  it('names the arm whose pipeline is wrong, and two of the same name', async () => {
    const wrong = readExperiment(written({ arms: { grpo: { shape: 'gpro' } } }));
    await expect(armsOf(wrong)).rejects.toThrow(/^arms\.grpo: --set shape: shape: found "gpro"/);
    const missing = readExperiment(written({ arms: { grpo: { shape: 'grpo', 'model.base': 'none' } } }));
    await expect(armsOf(missing)).rejects.toThrow(/^arms\.grpo: .*none: no such folder/);
    const twice = readExperiment(written({ arms: { grpo: { shape: 'grpo' }, rlsd: {}, 'rlsd-none': {} } }));
    await expect(armsOf(twice)).rejects.toThrow(/arms\.rlsd-none: is also the name of a control/);
  });
});

it('sweeps each arm on the tuning seeds, and gives a control its arm’s value', async () => {
  const experiment = readExperiment(written({ tune: { values: [0.1, 0.2], seeds: [7] }, controls: ['none'] }));
  const arms = await armsOf(experiment);
  expect(sweepRuns(experiment, arms, '/out').map(({ arm, seed, sets }) => [arm, seed, sets.at(-1)])).toEqual([
    ['grpo', 7, 'learn.lr=0.1'],
    ['grpo', 7, 'learn.lr=0.2'],
    ['rlsd', 7, 'learn.lr=0.1'],
    ['rlsd', 7, 'learn.lr=0.2'],
  ]);
  const runs = comparisonRuns(
    experiment,
    arms,
    new Map([
      ['grpo', 0.1],
      ['rlsd', 0.2],
    ]),
    '/out',
  );
  expect(runs.map(({ folder, sets }) => [folder, sets.at(-1)])).toEqual([
    ['/out/runs/grpo/seed-1', 'learn.lr=0.1'],
    ['/out/runs/rlsd/seed-1', 'learn.lr=0.2'],
    ['/out/runs/rlsd-none/seed-1', 'learn.lr=0.2'],
    ['/out/runs/grpo/seed-2', 'learn.lr=0.1'],
    ['/out/runs/rlsd/seed-2', 'learn.lr=0.2'],
    ['/out/runs/rlsd-none/seed-2', 'learn.lr=0.2'],
  ]);
});

describe('the guide', () => {
  it('names every field', () => {
    const guide = readFileSync('docs/compare.md', 'utf8');
    for (const field of Object.keys(experimentSchema.shape)) expect(guide).toContain(`| \`${field}\` |`);
  });

  it('shows the example as it is', async () => {
    const example = readExperiment('examples/experiments/arithmetic.yaml');
    const guide = readFileSync('docs/compare.md', 'utf8');
    const [, shown] = /```yaml\n([\s\S]*?)```/.exec(guide) ?? [];
    expect(experimentSchema.parse(parse(shown ?? ''))).toEqual(example.spec);
    expect((await armsOf(example)).map(({ name }) => name)).toEqual([
      'grpo',
      'wide',
      'wide-shuffled',
      'wide-none',
      'wide-permuted',
    ]);
  });
});
