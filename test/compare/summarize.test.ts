import { describe, expect, it } from 'vitest';
import { experimentSchema } from '../../src/compare/experiment.js';
import { htmlReport } from '../../src/compare/report/html.js';
import { markdownReport } from '../../src/compare/report/markdown.js';
import { areaUnder, firstAt, type RunResult } from '../../src/compare/result.js';
import { chooseValues, summarize } from '../../src/compare/summarize.js';

const result = (arm: string, seed: number, accuracies: readonly number[]): RunResult => ({
  arm,
  seed,
  folder: `/out/runs/${arm}/seed-${seed}`,
  run: 'x',
  curve: accuracies.map((accuracy, i) => ({ step: 10 * i, accuracy, n: 100, seconds: i })),
  figures: { reward: accuracies[0] ?? 0 },
  steps: 20,
  seconds: 2,
});
const spec = experimentSchema.parse({
  experiment: 'two',
  pipeline: 'x.yaml',
  arms: { grpo: { shape: 'grpo' }, rlsd: {} },
  baseline: 'grpo',
  seeds: [1, 2],
});
const arms = [
  { name: 'grpo', sets: ['shape="grpo"'] },
  { name: 'rlsd', sets: [] },
  { name: 'rlsd-shuffled', sets: ['teach.context="shuffled"'], control: { of: 'rlsd', name: 'shuffled' } },
] as const;
const results = [
  result('grpo', 1, [0.2, 0.4, 0.6]),
  result('grpo', 2, [0.2, 0.4, 0.8]),
  result('rlsd', 1, [0.2, 0.6, 0.8]),
  result('rlsd', 2, [0.2, 0.7, 0.9]),
  result('rlsd-shuffled', 1, [0.2, 0.5, 0.7]),
  result('rlsd-shuffled', 2, [0.2, 0.5, 0.8]),
];
const comparison = summarize(spec, arms, results, chooseValues(spec, []));

describe('a run', () => {
  const run = result('a', 1, [0, 0.5, 1]);
  it('has its mean over the steps as area', () => expect(areaUnder(run)).toBe(0.5));
  it('arrives at the first measurement above a threshold', () => {
    expect(firstAt(run, 0.4)?.step).toBe(10);
    expect(firstAt(run, 1.1)).toBeUndefined();
  });
});

describe('summarize', () => {
  it("takes the baseline's mean end as threshold", () => {
    expect(comparison.threshold).toBeCloseTo(0.7, 12);
    expect(comparison.arms.map(({ arrival }) => [arrival.reached, arrival.steps])).toEqual([
      [1, 20],
      [2, 15],
      [2, 20],
    ]);
  });

  it('compares arms with the baseline, and with their own controls', () => {
    const pairs = (of: typeof comparison.againstBaseline) => of.map(({ arm, than, final }) => [arm, than, final.mean]);
    expect(pairs(comparison.againstBaseline)).toEqual([['rlsd', 'grpo', expect.closeTo(0.15)]]);
    expect(pairs(comparison.againstControls)).toEqual([['rlsd', 'rlsd-shuffled', expect.closeTo(0.1)]]);
  });

  it('has a mean curve with a band', () => {
    expect(comparison.arms[1]?.curve.map(({ step, mean }) => [step, mean])).toEqual([
      [0, 0.2],
      [10, expect.closeTo(0.65)],
      [20, expect.closeTo(0.85)],
    ]);
  });
});

it('chooses the value with the largest mean area, and says where it is at the edge', () => {
  const tuned = { ...spec, tune: { field: 'learn.lr', values: [1, 2, 3], seeds: [9] } };
  const swept = [
    { ...result('grpo', 9, [0, 0.2]), value: 1 },
    { ...result('grpo', 9, [0, 0.8]), value: 2 },
    { ...result('grpo', 9, [0, 0.5]), value: 3 },
    { ...result('rlsd', 9, [0, 0.9]), value: 1 },
    { ...result('rlsd', 9, [0, 0.8]), value: 2 },
    { ...result('rlsd', 9, [0, 0.5]), value: 3 },
  ];
  const { chosen, sweep } = chooseValues(tuned, swept);
  expect([...chosen]).toEqual([
    ['grpo', 2],
    ['rlsd', 1],
  ]);
  expect(sweep.filter(({ atEdge }) => atEdge).map(({ arm }) => arm)).toEqual(['rlsd']);
});

describe('reports', () => {
  it('name every arm and difference in Markdown', () => {
    const markdown = markdownReport(comparison);
    expect(markdown).toMatch(/\| rlsd \| grpo \| \+16\.[23] /);
    expect(markdown).toContain('teach.context="shuffled"');
  });

  it('are one HTML file that loads nothing and links to each run', () => {
    const html = htmlReport(comparison, '/out');
    expect(html).toContain('<a href="runs/rlsd-shuffled/seed-2/">2</a>');
    expect(html.match(/<polyline/g)).toHaveLength(3);
    expect(html).not.toMatch(/<script|src=|https?:|@import|url\(/);
    expect(html).not.toContain('NaN');
  });

  it('leave out bands and p values of a single seed', () => {
    const single = summarize(
      { ...spec, seeds: [1] },
      arms,
      results.filter(({ seed }) => seed === 1),
      chooseValues(spec, []),
    );
    expect(markdownReport(single)).not.toContain('NaN');
    expect(htmlReport(single, '/out')).not.toContain('NaN');
  });
});
