import { describe, expect, it } from 'vitest';
import { experimentSchema } from '../../src/compare/experiment.js';
import { htmlReport } from '../../src/compare/report/html.js';
import { markdownReport } from '../../src/compare/report/markdown.js';
import { areaUnder, cutAfter, firstAt, type RunResult, secondsPerStep } from '../../src/compare/result.js';
import { type ComparisonReport, chooseValues, summarize, warningsOf } from '../../src/compare/summarize.js';

const result = (arm: string, seed: number, accuracies: readonly number[]): RunResult => ({
  format: 2,
  arm,
  seed,
  folder: `/out/runs/${arm}/seed-${seed}`,
  run: 'x',
  curve: accuracies.map((accuracy, i) => ({ step: 10 * i, accuracy, n: 100 })),
  figures: { reward: accuracies[0] ?? 0, 'accuracy/level/10': 0.25, 'accuracy/level/2': 0.5 },
  failed: null,
  blame: arm === 'rlsd' ? { credit: { n: 10, rate: seed / 4 } } : {},
  steps: 20,
  // rlsd takes twice as long.
  secondsPerStep: arm === 'grpo' ? 1 : 2,
});
const spec = experimentSchema.parse({
  experiment: 'two',
  pipeline: 'x.yaml',
  arms: { grpo: { shape: 'grpo' }, rlsd: {} },
  baseline: 'grpo',
  seeds: [1, 2],
});
const arms = [
  { name: 'grpo', sets: ['shape="grpo"'], isPrivileged: false },
  { name: 'rlsd', sets: [], isPrivileged: true },
  {
    name: 'rlsd-shuffled',
    sets: ['teach.context="shuffled"'],
    isPrivileged: true,
    control: { of: 'rlsd', name: 'shuffled' },
  },
] as const;
const results = [
  result('grpo', 1, [0.2, 0.4, 0.6]),
  result('grpo', 2, [0.2, 0.4, 0.8]),
  result('rlsd', 1, [0.2, 0.6, 0.8]),
  result('rlsd', 2, [0.2, 0.7, 0.9]),
  result('rlsd-shuffled', 1, [0.2, 0.5, 0.7]),
  result('rlsd-shuffled', 2, [0.2, 0.5, 0.8]),
];
const token = (index: number, text: string, credit: number) => ({
  ...{ index, id: index, text, logprob: -1, teacherLogprob: -2.5, credit, weight: -credit, trained: true },
});
const credited = (arm: string) => ({
  ...{
    arm,
    seed: 1,
    folder: `/out/runs/${arm}/seed-1`,
    sampleIndex: 0,
    policyVersion: 0,
    advantage: -1,
    firstError: 1,
  },
  tokens: [token(0, '<a>', 0.5), token(1, ' 7', -1)],
});
const comparison: ComparisonReport = {
  ...summarize(spec, arms, results, chooseValues(spec, [])),
  warnings: ['Nothing was tuned.'],
  credit: [
    { promptId: 'p', question: '1 < 2', step: 0, verdict: 'incorrect', samples: [credited('grpo'), credited('rlsd')] },
  ],
};

describe('a run', () => {
  const run = result('a', 1, [0, 0.5, 1]);
  it('has its mean over the steps as area', () => expect(areaUnder(run)).toBe(0.5));
  it('arrives at the first measurement above a threshold', () => {
    expect(firstAt(run, 0.4)?.step).toBe(10);
    expect(firstAt(run, 1.1)).toBeUndefined();
  });
  it('is cut after a time, between two measurements by interpolation', () => {
    expect(cutAfter(run, 30).curve.map(({ step, accuracy }) => [step, accuracy])).toEqual([
      [0, 0],
      [10, 0.5],
      [15, 0.75],
    ]);
    expect(cutAfter(run, 20).curve).toHaveLength(2);
    expect(cutAfter(run, 99)).toBe(run);
  });
  it('takes the median of the steps that no evaluation overlaps', () => {
    const steps = [9, 1, 2, 3].map((seconds, step) => ({ step, time: 10_000 * (step + 1), values: { seconds } }));
    // Version 1 is measured while step 1 is made.
    const measured = [
      { step: 0, time: 4000 },
      { step: 1, time: 19_500 },
    ];
    expect(secondsPerStep(steps, measured)).toBe(2.5);
    expect(secondsPerStep(steps.slice(0, 1), measured)).toBe(9);
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
    const pairs = (of: typeof comparison.againstBaseline) =>
      of.map(({ arm, than, atSteps }) => [arm, than, atSteps.final.mean]);
    expect(pairs(comparison.againstBaseline)).toEqual([['rlsd', 'grpo', expect.closeTo(0.15)]]);
    expect(pairs(comparison.againstControls)).toEqual([['rlsd', 'rlsd-shuffled', expect.closeTo(0.1)]]);
  });

  it('compares after the training time of the faster arm, too', () => {
    const [difference] = comparison.againstBaseline;
    // rlsd has made 10 steps when grpo has made 20.
    expect(difference?.atTime.final.mean).toBeCloseTo(0.65 - 0.7);
    expect(comparison.arms[1]?.relativeTime.mean).toBe(2);
    expect(comparison.arms[1]?.arrival.seconds).toBe(30);
  });

  it('averages hit rates over the seeds', () =>
    expect(comparison.arms.map(({ blame }) => blame.credit)).toEqual([
      null,
      { n: 2, mean: 0.375, se: 0.125, completions: 20 },
      null,
    ]));

  it('warns of what the figures hide', () => {
    const alone = arms.filter((arm) => !('control' in arm));
    const failing = [{ ...result('rlsd', 2, [0, 1]), failed: { count: 3, first: 'p/0: NaN' } }];
    const of = (seeds: number[], some: typeof arms | typeof alone, sameProgram: boolean) =>
      warningsOf({ ...spec, seeds, tune: undefined }, some, comparison, { results: failing, sameProgram }).join('\n');
    expect(of([1, 2], arms, true)).toMatch(/^Nothing was tuned[^\n]*\nArm rlsd, seed 2: 3 records failed.*p\/0: NaN$/);
    expect(of([1, 2], alone, true)).toMatch(/Without the control shuffled, a gain of rlsd/);
    expect(of([1], arms, false)).toMatch(/One seed[\s\S]*different versions of the program/);
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
    expect(markdown).toMatch(/\| rlsd \| grpo \| 2 \| \+16\.[23] /);
    expect(markdown).toContain('| arm | accuracy/level/2 | accuracy/level/10 |');
    expect(markdown).toContain('teach.context="shuffled"');
  });

  it('are one HTML file that loads nothing and links to each run', () => {
    const html = htmlReport(comparison, '/out');
    expect(html).toContain('<a href="runs/rlsd-shuffled/seed-2/">2</a>');
    expect(html.match(/<polyline/g)).toHaveLength(6);
    expect(html).not.toMatch(/<script|src=|https?:|@import|url\(/);
    expect(html).not.toContain('NaN');
    expect(html).toContain('<strong>Nothing was tuned.</strong>');
  });

  it('paint each token by its credit, and frame the first error', () => {
    const html = htmlReport(comparison, '/out');
    expect(html).toContain(
      '<span class="plus" style="--share:0.300" title="advantage +0.5, weight -0.5, student -1, teacher -2.5">&lt;a&gt;</span>',
    );
    expect(html).toMatch(/<span class="minus error" style="--share:0.600" title="[^"]*first error"> 7</);
    expect(html).toContain('<blockquote title="p">1 &lt; 2</blockquote>');
  });

  it('leave out bands and p values of a single seed', () => {
    const summary = summarize(
      { ...spec, seeds: [1] },
      arms,
      results.filter(({ seed }) => seed === 1),
      chooseValues(spec, []),
    );
    const single = { ...comparison, ...summary };
    expect(markdownReport(single)).not.toContain('NaN');
    expect(htmlReport(single, '/out')).not.toContain('NaN');
  });
});
