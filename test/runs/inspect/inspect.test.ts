import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPlan } from '../../../src/pipelines/plan/load-method.js';
import {
  evaluateFigureFamilies,
  evaluateFigures,
  leakFigureFamilies,
  leakFigures,
  learnFigures,
  sampledFigures,
} from '../../../src/pipelines/running/figures.js';
import { float32Array } from '../../../src/records/arrays.js';
import { compareRuns } from '../../../src/replay/diff/compare-runs.js';
import { showSample } from '../../../src/replay/sample.js';
import { describeRecord } from '../../../src/runs/inspect/describe.js';
import { type RecordQuery, recordFilter } from '../../../src/runs/inspect/filter.js';
import { openRunFolder, type RunFolder } from '../../../src/runs/inspect/run-folder.js';
import { tailRecords } from '../../../src/runs/inspect/tail.js';
import { metricsCsv } from '../../../src/runs/metrics/csv.js';
import { writeParquet } from '../../../src/runs/metrics/parquet.js';
import { figureNames, readMetrics } from '../../../src/runs/metrics/read.js';
import { required } from '../../../src/support/required.js';
import { newTinyFolder, records, tinyRun } from '../tiny-run.js';

let base: string;
let folder: string;
let run: RunFolder;
beforeAll(async () => {
  base = newTinyFolder();
  ({ folder } = await tinyRun(base, 'run', { steps: 2 }));
  run = await openRunFolder(folder);
});
afterAll(async () => {
  await run.log.close();
  rmSync(base, { recursive: true, force: true });
});

async function found(topic: string, query: RecordQuery, lines = 1000): Promise<readonly object[]> {
  const info = (await run.log.describe()).find(({ name }) => name === topic);
  const accepts = recordFilter(topic, query, false);
  const shown: object[] = [];
  const settings = { lines, follow: false, accepts, signal: new AbortController().signal };
  if (info)
    for await (const record of tailRecords(run.log, info, settings))
      shown.push(describeRecord(record, { showPrivileged: false }));
  return shown;
}

it('floats have six digits, or all of them', async () => {
  const [record] = await run.log.read('rollouts', 0, 0n, 1);
  const logprobs = (exact: boolean) => {
    const { value } = describeRecord(required(record, 'record'), { showPrivileged: false, exact }) as {
      readonly value: { readonly samplingLogprobs: readonly number[] };
    };
    return value.samplingLogprobs;
  };
  const [exact] = logprobs(true);
  expect(Math.fround(Number(exact))).toBe(exact);
  expect(logprobs(false)[0]).toBe(Number(Number(exact).toPrecision(6)));
  expect(logprobs(false)[0]).not.toBe(exact);
});

describe('filters', () => {
  it('find records by prompt, sample, step, verdict and fields, the last of them first counted', async () => {
    const verdicts = await records(folder, 'verdicts');
    const [{ promptId } = { promptId: '' }] = verdicts;
    const own = verdicts.filter((one) => one.promptId === promptId).length;
    expect(await found('verdicts', { prompt: promptId })).toHaveLength(own);
    expect(await found('verdicts', { prompt: `${promptId}/2` })).toMatchObject([{ value: { sampleIndex: 2 } }]);
    expect(await found('references', { prompt: promptId })).toHaveLength(1);
    const correct = verdicts.filter(({ verdict, step }) => verdict === 'correct' && step === 1);
    expect(await found('verdicts', { step: 1, verdict: 'correct' })).toHaveLength(correct.length);
    const last = await found('verdicts', { where: ['reward=1'] }, 1);
    expect(last).toMatchObject([
      { value: { completion: verdicts.findLast(({ reward }) => reward === 1)?.completion } },
    ]);
    expect(await found('metrics', { where: ['stage=learn', 'values.samples>=8', 'values.loss!=0'] })).toHaveLength(2);
    expect(await found('metrics', { where: ['values.nothing<5'] })).toEqual([]);
  });

  it.each<[string, RecordQuery, string]>([
    [
      'verdicts',
      { where: ['rewrad=1'] },
      '--where rewrad=1: records of verdicts have no field rewrad; did you mean reward?',
    ],
    ['verdicts', { verdict: 'corect' }, '--verdict: found corect; did you mean correct?'],
    ['verdicts', { where: ['reward>high'] }, '--where reward>high: found "high", expected a number after >'],
    ['verdicts', { where: ['reward'] }, '--where reward: expected field=value, such as reward=1 or values.loss>2'],
    ['weights', { verdict: 'correct' }, '--verdict: records of weights have no field verdict'],
    ['references', { where: ['answer=4'] }, '--where answer: only the teacher may see it; add --show-privileged'],
  ])('%s %j is refused by name', (topic, query, message) => {
    expect(() => recordFilter(topic, query, false)).toThrow(message);
  });
});

describe('showSample', () => {
  it("has the text of each token and its credit, and the teacher's context only when asked for", async () => {
    const [advantage] = (await records(folder, 'advantages')).filter(({ teacherVersion }) => teacherVersion !== null);
    if (!advantage) throw new Error('no sample was scored');
    const id = `${advantage.promptId}/${advantage.sampleIndex}`;
    const shown = await showSample(run, folder, id);
    expect(shown.tokens.map(({ credit }) => credit)).toEqual([...float32Array(advantage.tokenAdvantages)]);
    expect(shown.tokens.map(({ text }) => text).join('')).toContain(shown.completion);
    expect(shown).toMatchObject({ verdict: advantage.verdict, advantage: advantage.advantage, step: advantage.step });
    expect(shown).not.toHaveProperty('privileged');
    const { privileged } = await showSample(run, folder, id, { showPrivileged: true });
    expect(privileged?.documents).toMatchObject([
      { kind: 'trace', content: expect.stringMatching(/^\d+ \+ 1 = \d+$/) },
    ]);
    await expect(showSample(run, folder, `${advantage.promptId}/7`)).rejects.toThrow('did you mean');
    await expect(showSample(run, folder, 's1')).rejects.toThrow('--sample s1: expected PROMPT/INDEX');
  });
});

describe('compareRuns', () => {
  it('names the settings, the topics, the first sample and the figures that differ', async () => {
    const again = await tinyRun(base, 'again', { steps: 2 });
    expect(await compareRuns(folder, again.folder)).toMatchObject({ settings: [], first: null });
    const other = await tinyRun(base, 'other', { steps: 2, learn: { prompts: 2, lr: 5e-3, threads: 1 } });
    const { settings, topics, first, figures } = await compareRuns(folder, other.folder);
    expect(settings).toEqual([{ field: 'spec.learn.lr', values: { a: '0.01', b: '0.005' } }]);
    expect(topics.find(({ topic }) => topic === 'prompts')).toMatchObject({ equal: true, records: { a: 4, b: 4 } });
    expect(topics.find(({ topic }) => topic === 'weights')).toMatchObject({ equal: false });
    // The rate is only seen in figures and weights of the first step, and in the samples of the second.
    expect(first?.step ?? 0).toBeLessThan(2);
    const rate = figures.find(({ figure }) => figure === 'learn/learningRate');
    expect(rate).toEqual({ figure: 'learn/learningRate', step: 1, values: { a: 0.01, b: 0.005 }, differsFrom: 0 });
  });
});

describe('metrics', () => {
  it('have no figure without a name in the guide', async () => {
    const { method } = await loadPlan(run.manifest.spec, base);
    const stages: Record<string, readonly string[]> = {
      learn: [...Object.keys(learnFigures), ...Object.keys(method.statistics), 'clipped', 'meanRatio', 'kl'],
      evaluate: [
        ...Object.keys(evaluateFigures),
        ...Object.keys(sampledFigures),
        ...Object.keys(evaluateFigureFamilies),
      ],
      leak: [...Object.keys(leakFigures), ...Object.keys(leakFigureFamilies)],
    };
    const families =
      /^leak\/(prompts|leakRepeated|leakCited|completionWords)(Correct|Incorrect)(Base|BaseSd)?$|^leak\/teacherMinusStudent\d$|^learn\/\w+After$/;
    const unknown = figureNames(await readMetrics(run.log)).filter((figure) => {
      const [stage = '', name = ''] = figure.split('/');
      return !stages[stage]?.includes(name) && !families.test(figure);
    });
    expect(unknown).toEqual([]);
  });

  it('are written as CSV and Parquet with the same columns', async () => {
    const rows = await readMetrics(run.log);
    const [header = '', ...lines] = metricsCsv(rows).trimEnd().split('\n');
    expect(header.split(',').slice(0, 2)).toEqual(['step', 'time']);
    expect(lines.map((line) => line.split(',')[0])).toEqual(['0', '1', '2']);
    const file = join(base, "it's.parquet");
    await writeParquet(rows, file);
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const read = await connection.runAndReadAll(
      `SELECT * FROM read_parquet('${file.replaceAll("'", "''")}') ORDER BY step`,
    );
    expect(read.columnNames()).toEqual(header.split(','));
    const loss = header.split(',').indexOf('learn/loss');
    expect(read.getRows().map((row) => String(row[loss] ?? ''))).toEqual(lines.map((line) => line.split(',')[loss]));
    connection.closeSync();
  });
});
