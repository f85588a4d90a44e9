import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnerSettings, learningRate } from '../../src/learner/settings.js';
import { loadPlan } from '../../src/pipelines/plan/load-method.js';
import { extendSpec, isLastVersion, originalSpec } from '../../src/pipelines/spec/extended.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { requeueDeadLetters } from '../../src/runs/inspect/dead-letters.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { extendRun } from '../../src/runs/manifest/extend.js';
import { readManifest, writeManifest } from '../../src/runs/manifest/manifest.js';
import { runPipeline, type Summary } from '../../src/runs/run.js';
import { type Broker, startBroker } from '../broker/broker.mjs';
import { lacks } from '../needs.js';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

async function resumed(folder: string): Promise<Summary> {
  const { spec, folder: base } = readManifest(folder);
  return runPipeline({ plan: await loadPlan(spec, base), folder });
}

const linear = { learn: { ...tinyPipeline.learn, schedule: 'linear' } } satisfies Partial<PipelineInput>;

it('a run that gets more steps has the weights of one that began with them', async () => {
  const base = tinyFolder();
  const whole = await tinyRun(base, 'whole', { steps: 6 });
  const { folder, summary } = await tinyRun(base, 'short', { steps: 3, evaluate: { every: 2 } });
  expect(await extendRun(folder, 6)).toEqual({ was: 3, steps: 6, step: 3 });
  const extended = await resumed(folder);
  expect(extended.run).toBe(summary.run);
  expect(extended.weights.digest).toBe(whole.summary.weights.digest);
  const measured = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'evaluate');
  expect(measured.map(({ step }) => step)).toEqual([0, 2, 3, 4, 6]);
});

it('a schedule that decays keeps its past and continues as one of the larger number, and the run can be verified', async () => {
  const base = tinyFolder();
  const { folder } = await tinyRun(base, 'run', { steps: 3, ...linear });
  await extendRun(folder, 5);
  await resumed(folder);
  await extendRun(folder, 6);
  const { weights } = await resumed(folder);
  expect(readManifest(folder).spec).toMatchObject({
    steps: 6,
    extended: [
      { step: 3, was: 3 },
      { step: 5, was: 5 },
    ],
  });
  const rates = (await records(folder, 'metrics')).flatMap(({ values: { learningRate } }) => learningRate ?? []);
  const parts = [1, 2 / 3, 1 / 3, 2 / 5, 1 / 5, 1 / 6];
  expect(rates.map((rate) => rate / 1e-2)).toEqual(parts.map((part) => expect.closeTo(part, 6)));
  expect(await verifyRun(folder)).toMatchObject({ equal: true, difference: null });
  // The manifest says all of it: another run of the same spec gives the same.
  const { spec } = readManifest(folder);
  const again = await runPipeline({ plan: await loadPlan(spec, base), folder: join(base, 'again') });
  expect(again).toMatchObject({ run: readManifest(folder).run, weights: { digest: weights.digest } });
});

it('a stopped run can be given more steps, and the manifest in the topics agrees with that in the folder', async () => {
  const base = tinyFolder();
  const stop = new AbortController();
  const stopped = tinyRun(base, 'run', linear, { signal: stop.signal, onStep: () => stop.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
  const folder = join(base, 'run');
  const extension = await extendRun(folder, 6);
  expect(extension?.step).toBeLessThan(4);
  expect(await extendRun(folder, 6)).toBeUndefined();
  expect(await resumed(folder)).toMatchObject({ steps: 6 });
  expect(await verifyRun(folder)).toMatchObject({ equal: true });
});

it('fewer steps, or more than the pipeline can have, change nothing', async () => {
  const base = tinyFolder();
  const { folder } = await tinyRun(base, 'run', { publish: { every: 2 }, flow: { maxLag: 1 } });
  const before = readFileSync(join(folder, 'manifest.json'), 'utf8');
  await expect(extendRun(folder, 2)).rejects.toThrow('--steps 2: the run has 4 steps; expected a larger number');
  await expect(extendRun(folder, 7)).rejects.toThrow('publish.every: found 2, expected a divisor of steps (7)');
  expect(readFileSync(join(folder, 'manifest.json'), 'utf8')).toBe(before);
  expect(await resumed(folder)).toMatchObject({ steps: 4 });
});

it('prompts requeued after the last step wait for more steps, which train on them', async () => {
  const long = JSON.stringify({ id: 'long', question: '1 + '.repeat(60), answer: '1' });
  const base = tinyFolder([long, ...sums(12)]);
  const prompts = { file: 'sums.jsonl', shuffle: false };
  const { folder } = await tinyRun(base, 'run', { prompts });
  const run = await openRunFolder(folder, { readOnly: false });
  expect(await requeueDeadLetters(run)).toMatchObject({ requeued: 1, needsSteps: 5 });
  await run.log.close();
  expect(await resumed(folder)).toMatchObject({ steps: 4, records: { prompts: 9, rollouts: 29 } });
  expect(await verifyRun(folder)).toMatchObject({ equal: true });
  await extendRun(folder, 5);
  expect(await resumed(folder)).toMatchObject({ steps: 5, records: { prompts: 10 } });
  const last = (await records(folder, 'prompts')).filter(({ step }) => step === 4);
  expect(last.map(({ promptId }) => promptId)).toEqual([expect.stringMatching(/^long~8$/), expect.any(String)]);
  // The run is as long again as its prompts, so the next failure of the same prompt is one of this run.
  expect((await records(folder, 'dead-letters')).map(({ key }) => key)).toEqual(['long', 'long~8']);
});

it('no rate of a step already made changes, and every later one is that of the larger number', () => {
  const settings = fc.record({
    schedule: fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
    warmup: fc.nat(8),
    was: fc.integer({ min: 1, max: 40 }),
    more: fc.integer({ min: 1, max: 40 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(settings, ({ schedule, warmup, was, more, share }) => {
      const step = Math.floor(share * was);
      const of = (totalSteps: number) => learnerSettings({ lr: 1, schedule, warmup, totalSteps });
      const extended = { ...of(was + more), extended: [{ step, was }] };
      for (let s = 0; s < was + more; s++)
        expect(learningRate(extended, s)).toBe(learningRate(of(s < step ? was : was + more), s));
    }),
  );
});

it('an extended spec is checked, and leads back to the one that it was', () => {
  const spec = checkSpec({ ...tinyPipeline });
  const longer = checkSpec(extendSpec(spec, 4, 9, 2));
  expect(originalSpec(longer)).toEqual(spec);
  expect([2, 4, 9].map((version) => isLastVersion(version, longer))).toEqual([false, false, true]);
  expect(() => checkSpec(extendSpec(spec, 9, 9, 2))).toThrow('extended: found was: 9; expected less than 9');
  expect(() => checkSpec(extendSpec(spec, 4, 9, 5))).toThrow('extended: found step 5 after the last of 4');
});

describe.skipIf(await lacks('kafka'))('on Kafka', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());

  it('a run gets more steps, and a machine with a folder of its own follows', async () => {
    const base = tinyFolder();
    const name = `run-${Math.random().toString(36).slice(2)}`;
    const topics = { kafka: { brokers: [...broker.brokers], partitions: 2 } };
    const whole = await tinyRun(base, 'whole', { steps: 4, ...linear });
    const { folder } = await tinyRun(base, name, { steps: 2, topics, ...linear });
    const elsewhere = join(base, 'elsewhere', name);
    writeManifest(elsewhere, readManifest(folder));
    expect(await extendRun(folder, 4)).toEqual({ was: 2, steps: 4, step: 2 });
    // Another person's folder may have the name, so it has to ask.
    await expect(extendRun(elsewhere, 6)).rejects.toMatchObject({ code: 'run-of-others' });
    expect(await extendRun(elsewhere, 4, true)).toBeUndefined();
    expect(readManifest(elsewhere).spec).toEqual(readManifest(folder).spec);
    const { weights } = await resumed(folder);
    expect(weights.version).toBe(4);
    // Its first two steps were planned as all of them.
    expect(weights.digest).not.toBe(whole.summary.weights.digest);
    expect(await verifyRun(folder)).toMatchObject({ equal: true });
  });
});
