import { join } from 'node:path';
import { concatMap, filter, map, tap } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { defineTransform, type Sample, type TransformOperator } from '../../src/operators/transform.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { readDeadLetters, requeueDeadLetters } from '../../src/runs/inspect/dead-letters.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { type RunEvent, runPipeline } from '../../src/runs/run.js';
import { freePorts } from '../broker/broker.mjs';
import { digests, records, sums, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

describe('two lockstep runs of one manifest', () => {
  it('have the same records in every topic and the same weights', async () => {
    const base = tinyFolder([...sums(14), '{"id": "broken"', ...sums(15).slice(14)]);
    const [one, two] = [await tinyRun(base, 'one', { steps: 8 }), await tinyRun(base, 'two', { steps: 8 })];
    expect(one.summary.run).toBe(two.summary.run);
    expect(one.summary.records['dead-letters']).toBe(1);
    expect(one.summary.weights.digest).not.toBe((await records(one.folder, 'weights'))[0]?.digest);
    expect(one.summary.weights.digest).toBe(two.summary.weights.digest);
    expect(await digests(one.folder)).toEqual(await digests(two.folder));
  });

  it('differ with their seed', async () => {
    const base = tinyFolder();
    const one = await tinyRun(base, 'one', { steps: 1 });
    const two = await tinyRun(base, 'two', { steps: 1, seed: 4 });
    expect(one.summary.weights.digest).not.toBe(two.summary.weights.digest);
  });
});

describe('rlsd', () => {
  it('with lambda 0 trains to exactly the weights of grpo, and with lambda 1 to others', async () => {
    const base = tinyFolder();
    const grpo = await tinyRun(base, 'grpo', { shape: 'grpo', privileged: [] });
    const zero = await tinyRun(base, 'zero', { shape: { rlsd: { lambda: 0 } } });
    const one = await tinyRun(base, 'one');
    expect(zero.summary.weights.digest).toBe(grpo.summary.weights.digest);
    expect(one.summary.weights.digest).not.toBe(grpo.summary.weights.digest);
    expect(grpo.summary.records).not.toHaveProperty('teacher-scores');
  });
});

describe('an overlapped run', () => {
  it.each([
    { maxLag: 1, every: 1 },
    { maxLag: 1, every: 2 },
  ])('with maxLag $maxLag and publish.every $every completes, and says how old its samples were', async (arm) => {
    const base = tinyFolder();
    const { folder, events, summary } = await tinyRun(base, 'run', {
      steps: 8,
      flow: { maxLag: arm.maxLag },
      publish: { every: arm.every },
    });
    const steps = events.filter((event) => event.event === 'step');
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(Math.max(...steps.map(({ values }) => values.policyAgeMax ?? 9))).toBeLessThanOrEqual(arm.maxLag);
    expect(steps.every(({ values }) => values.samples === 8 && values.stale === 0)).toBe(true);
    expect((await records(folder, 'weights')).map(({ version }) => version)).toEqual(
      Array.from({ length: 8 / arm.every + 1 }, (_, n) => n * arm.every),
    );
    expect(summary).toMatchObject({ steps: 8, heldOut: { n: 4 }, weights: { version: 8 } });
  });

  it('samples up to maxLag steps ahead of training, and reports the true age of its samples', async () => {
    const base = tinyFolder();
    // Training of the first step waits for samples of the third: a run that did not overlap would stand still.
    let sampledAhead = () => {};
    const ahead = new Promise<void>((resolve) => {
      sampledAhead = resolve;
    });
    const transforms = [
      defineTransform('rollouts', 'watched', () => tap(({ step }) => step === 2 && sampledAhead())),
      defineTransform('advantages', 'held', () => concatMap((advantage) => ahead.then(() => advantage))),
    ];
    const change = { steps: 6, flow: { maxLag: 2 } };
    const { folder, events } = await tinyRun(base, 'run', change, { transforms });
    const trained = await records(folder, 'advantages', 'advantages.held');
    const ages = (of: number) =>
      trained.flatMap(({ step, policyVersion }) => (step === of ? [step - policyVersion] : []));
    expect(ages(2)).toEqual(Array(8).fill(2));
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const told = events.flatMap((event) => (event.event === 'step' ? [event] : []));
    expect(told).toHaveLength(6);
    for (const { step, values } of told) {
      expect([values.policyAgeMax, values.policyAge]).toEqual([Math.max(...ages(step)), mean(ages(step))]);
      expect(Math.max(...ages(step))).toBeLessThanOrEqual(2);
    }
  });

  it('counts and reports samples that are too old, and does not train on them', async () => {
    const base = tinyFolder();
    const older = ({ step, sampleIndex, policyVersion, ...rest }: Sample<'advantages'>): Sample<'advantages'> => ({
      ...rest,
      step,
      sampleIndex,
      policyVersion: step === 2 && sampleIndex === 0 ? policyVersion - 2 : policyVersion,
    });
    const transforms = [defineTransform('advantages', 'aged', () => map(older))];
    const { folder, events } = await tinyRun(base, 'run', { steps: 3 }, { transforms });
    const told = events.flatMap((event) =>
      event.event === 'step' ? [[event.values.samples, event.values.stale]] : [],
    );
    expect(told).toEqual([
      [8, 0],
      [8, 0],
      [6, 2],
    ]);
    const letters = await records(folder, 'dead-letters');
    expect(letters.map(({ stage, cause, error }) => `${stage} ${cause}: ${error}`)).toEqual(
      Array(2).fill('learn stale: sampled by version 0, 2 versions ago; expected at most 0'),
    );
    expect(events.filter((event) => event.event === 'deadLetter' && event.cause === 'stale')).toHaveLength(2);
  });
});

describe('a user transform', () => {
  it('changes and drops records', async () => {
    const base = tinyFolder();
    const operator: TransformOperator<'verdicts'> = () => (verdicts) =>
      verdicts.pipe(
        filter(({ sampleIndex }) => sampleIndex > 0),
        map((verdict) => ({ ...verdict, reward: verdict.reward / 2 })),
      );
    const transforms = [defineTransform('verdicts', 'halved', operator, { drops: true })];
    const { folder, events } = await tinyRun(base, 'run', { steps: 2 }, { transforms });
    const halved = await records(folder, 'verdicts', 'verdicts.halved');
    expect(halved.length).toBe(12);
    expect(halved.gaps).toBe(4);
    expect(halved.every(({ reward }) => reward === 0 || reward === 0.5)).toBe(true);
    expect(events.flatMap((event) => (event.event === 'step' ? [event.values.samples] : []))).toEqual([6, 6]);
  });
});

describe('a run that trained on nothing', () => {
  it('fails, and points to the dead letters', async () => {
    const transforms = [defineTransform('verdicts', 'none', () => filter(() => false), { drops: true })];
    const run = tinyRun(tinyFolder(), 'run', { steps: 1 }, { transforms });
    await expect(run).rejects.toMatchObject({
      code: 'run-failed',
      message: expect.stringMatching(/^nothing was trained on: .* `rlsd dead-letters .*run` shows why$/),
    });
  });
});

describe('invalid prompts', () => {
  const long = JSON.stringify({ id: 'long', question: '3 + '.repeat(60), answer: '180' });

  it('become dead letters that name file and line, and the rest continues', async () => {
    const base = tinyFolder([
      '{"id": 1, "question"',
      '[]',
      ...sums(2),
      '{"id": "s0", "question": "again"}',
      ...sums(12).slice(2),
    ]);
    const { folder, summary } = await tinyRun(base, 'run', { prompts: { file: 'sums.jsonl' }, steps: 6, evaluate: {} });
    expect(summary.steps).toBe(6);
    const letters = await records(folder, 'dead-letters');
    expect(letters.map(({ stage, cause, key }) => [stage, cause, key])).toEqual([
      ['ingest', 'bad-prompt-line', 'sums.jsonl:1'],
      ['ingest', 'bad-prompt-line', 'sums.jsonl:2'],
      ['ingest', 'bad-prompt-line', 'sums.jsonl:5'],
    ]);
    expect(new Set((await records(folder, 'prompts')).map(({ itemId }) => itemId))).toEqual(
      new Set(Array.from({ length: 12 }, (_, n) => `s${n}`)),
    );
  });

  it('leave a gap if they are too long, and the step trains without them', async () => {
    const base = tinyFolder([...sums(3), long, ...sums(12).slice(3)]);
    const { folder, events } = await tinyRun(base, 'run', { prompts: { file: 'sums.jsonl', shuffle: false } });
    expect(events.flatMap((event) => (event.event === 'step' ? [event.values.samples] : []))).toEqual([8, 4, 8, 8]);
    expect((await records(folder, 'dead-letters')).map(({ cause, key }) => [cause, key])).toEqual([
      ['prompt-too-long', 'long'],
    ]);
    for (const topic of ['rollouts', 'verdicts', 'teacher-scores', 'advantages'] as const)
      expect(await records(folder, topic)).toMatchObject({ length: 28, gaps: 1 });
  });

  it('are excluded from the evaluation if held out, and reported', async () => {
    const base = tinyFolder([...sums(3), long, '{"id": "none", "question": "8 + 8 ="}']);
    const change = {
      prompts: { file: 'sums.jsonl', heldOut: 4 },
      verify: { exact: {} },
      steps: 1,
      shape: 'grpo',
    } as const;
    const { folder, events } = await tinyRun(base, 'run', { ...change, privileged: [] });
    const measured = events.flatMap((event) => (event.event === 'heldOut' ? [[event.version, event.n]] : []));
    expect(measured).toEqual([
      [0, 2],
      [1, 2],
    ]);
    for (const { step, values } of (await records(folder, 'metrics')).filter(({ stage }) => stage === 'evaluate')) {
      const own = (await records(folder, 'evaluations')).filter(({ version }) => version === step);
      expect(own).toHaveLength(Number(values.n));
      expect(own.filter(({ verdict }) => verdict === 'correct')).toHaveLength(Number(values.correct));
    }
    const letters = (await records(folder, 'dead-letters')).filter(({ stage }) => stage === 'evaluate');
    expect(letters.map(({ cause, key, error }) => `${cause} ${key}: ${error}`).sort()).toEqual([
      'no-answer none: sums.jsonl:5: held-out question at version 0: exact: the item has no reference answer; expected one in the field answer',
      'no-answer none: sums.jsonl:5: held-out question at version 1: exact: the item has no reference answer; expected one in the field answer',
      expect.stringMatching(/^prompt-too-long long: sums\.jsonl:4: held-out question at version 0: found \d+ tokens/),
      expect.stringMatching(/^prompt-too-long long: sums\.jsonl:4: held-out question at version 1: found \d+ tokens/),
    ]);
  });

  it('do not stop the run if they fill a whole step', async () => {
    const base = tinyFolder([...sums(2), long, long.replace('"long"', '"longer"'), ...sums(12).slice(2)]);
    const change = { prompts: { file: 'sums.jsonl', shuffle: false }, flow: { maxLag: 1 }, publish: { every: 2 } };
    const { folder, events, summary } = await tinyRun(base, 'run', change);
    expect(events.flatMap((event) => (event.event === 'step' ? [event.values.samples] : []))).toEqual([8, 0, 8, 8]);
    expect(summary.weights.version).toBe(4);
    expect(await records(folder, 'dead-letters')).toHaveLength(2);
  });

  it('can be requeued in an interrupted run', async () => {
    const base = tinyFolder([long, ...sums(12)]);
    const change = { prompts: { file: 'sums.jsonl', shuffle: false }, steps: 8 };
    await tinyRun(base, 'run', change, { stages: ['ingest', 'rollout'] });
    const before = await openRunFolder(join(base, 'run'), { readOnly: false });
    const [letter] = await readDeadLetters(before);
    expect(letter).toMatchObject({ cause: 'prompt-too-long', requeued: false });
    expect(await requeueDeadLetters(before)).toMatchObject({ requeued: 1, left: [] });
    expect(await requeueDeadLetters(before)).toMatchObject({ requeued: 0 });
    await before.log.close();
    const { folder, summary } = await tinyRun(base, 'run', change);
    expect(summary.steps).toBe(8);
    const prompts = await records(folder, 'prompts');
    expect(prompts).toHaveLength(16);
    expect(prompts.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 16 }, (_, n) => BigInt(n)));
    expect(prompts.filter(({ source }) => source.startsWith('dead-letter:'))).toHaveLength(1);
  });
});

describe('a run of some stages', () => {
  it('processes the available input, and the whole pipeline resumes from there to the same weights', async () => {
    const base = tinyFolder();
    const whole = await tinyRun(base, 'whole');
    const first = await tinyRun(base, 'parts', {}, { stages: ['ingest', 'rollout'] });
    expect(first.summary).toMatchObject({ steps: 0, weights: { version: 0 } });
    expect(first.summary.records).toMatchObject({ prompts: 8, rollouts: 8, verdicts: 0 });
    const second = await tinyRun(base, 'parts', {}, { stages: ['verify', 'teach', 'shape'] });
    expect(second.summary.records).toMatchObject({ rollouts: 8, verdicts: 8, advantages: 8, weights: 1 });
    const third = await tinyRun(base, 'parts', {}, { stages: ['learn', 'evaluate'] });
    expect(third.summary).toMatchObject({ steps: 1, weights: { version: 1 } });
    const last = await tinyRun(base, 'parts');
    expect(last.summary.weights.digest).toBe(whole.summary.weights.digest);
    expect(await digests(last.folder)).toEqual(await digests(whole.folder));
  });
});

it('with `stay` serves its metrics after the end, standing still nowhere, until the signal', async () => {
  const base = tinyFolder();
  const [port] = await freePorts(1);
  vi.stubEnv('RLSD_METRICS_PORT', String(port));
  const abort = new AbortController();
  const plan = planOf(checkSpec({ ...tinyPipeline, steps: 1, evaluate: undefined }), base);
  const events: string[] = [];
  const onEvent = ({ event }: RunEvent) => void events.push(event);
  const run = runPipeline({ plan, folder: join(base, 'stay'), signal: abort.signal, stay: true, onEvent });
  await vi.waitUntil(() => events.includes('summary'), 30_000);
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toMatch(/^rlsd_records_total\{/m);
    expect(metrics).not.toMatch(/^rlsd_stalled_seconds\{/m);
  });
  vi.unstubAllEnvs();
  abort.abort();
  expect(await run).toMatchObject({ steps: 1 });
});
