import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { drawGraph } from '../../../src/pipelines/plan/graph.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { replayFrom } from '../../../src/replay/from.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { stageLag } from '../../../src/runs/inspect/lag.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { digests, records, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const learners = { same: {}, slow: { lr: 1e-4, clip: [0.1, 0.1] as [number, number] } };

it('trains each learner on the same samples: equal settings give equal weights, others give others', async () => {
  const base = tinyFolder();
  const alone = await tinyRun(base, 'alone');
  const { folder, summary, events } = await tinyRun(base, 'three', { learners });
  const { same, slow } = summary.learners ?? {};
  expect(summary.weights.digest).toBe(alone.summary.weights.digest);
  expect(same?.weights.digest).toBe(summary.weights.digest);
  expect(same?.heldOut).toEqual(summary.heldOut);
  expect(slow?.weights).toMatchObject({ version: 4, path: join(folder, 'weights.slow/v000004') });
  expect(slow?.weights.digest).not.toBe(summary.weights.digest);
  expect(slow?.heldOut).toMatchObject({ before: summary.heldOut.before, after: expect.any(Number), n: 4 });

  // Only the main learner's weights sample.
  expect(await records(folder, 'rollouts')).toHaveLength(32);
  expect((await digests(folder)).advantages).toBe((await digests(alone.folder)).advantages);
  const published = await records(folder, 'weights', 'weights.slow');
  expect(published.map(({ version, location }) => [version, location])).toEqual(
    [0, 1, 2, 3, 4].map((version) => [version, `weights.slow/v00000${version}`]),
  );

  const metrics = await records(folder, 'metrics');
  const of = (name: string) =>
    metrics.filter(({ stage }) => stage === name).map(({ step, values }) => ({ step, values }));
  const timeless = (name: string) => of(name).map(({ step, values: { seconds: _, ...values } }) => ({ step, values }));
  expect(timeless('learn.same')).toEqual(timeless('learn'));
  expect(of('learn.slow').map(({ values }) => values.learningRate)).toEqual([1e-4, 1e-4, 1e-4, 1e-4]);
  expect(of('evaluate.slow').map(({ step }) => step)).toEqual([0, 2, 4]);
  const told = events.flatMap((event) => (event.event === 'step' && event.learner === 'slow' ? [event.step] : []));
  expect(told).toEqual([0, 1, 2, 3]);
}, 60_000);

it('resumes each learner from its own checkpoint, and is repeated by replay --verify', async () => {
  const base = tinyFolder();
  const once = await tinyRun(base, 'once', { learners });
  const abort = new AbortController();
  const stop = { signal: abort.signal, onStep: () => abort.abort() };
  await expect(tinyRun(base, 'twice', { learners }, stop)).rejects.toThrow('resume');
  const twice = await tinyRun(base, 'twice', { learners });
  expect(await digests(twice.folder)).toEqual(await digests(once.folder));
  expect(twice.summary.learners).toEqual({
    same: { ...once.summary.learners?.same, weights: expect.objectContaining({ version: 4 }) },
    slow: { ...once.summary.learners?.slow, weights: expect.objectContaining({ version: 4 }) },
  });
  const { equal, topics } = await verifyRun(twice.folder);
  expect(equal).toBe(true);
  expect(topics.find(({ topic }) => topic === 'weights.slow')).toEqual({
    topic: 'weights.slow',
    records: 5,
    equal: true,
  });
}, 120_000);

it('trains the learners again in a replay from the advantages', async () => {
  const base = tinyFolder();
  const { folder, summary } = await tinyRun(base, 'run', { learners: { slow: learners.slow } });
  const to = join(base, 'replayed');
  const set = ['learners.slow.lr=1e-2', 'learners.slow.clip=[0.2, 0.28]'];
  const replayed = await replayFrom(folder, { from: 'advantages', to, set, train: true, evaluate: true });
  expect(replayed.summary.learners?.slow?.weights.digest).toBe(summary.weights.digest);
  expect(replayed.summary.learners?.slow?.heldOut).toEqual(summary.heldOut);
}, 60_000);

it('runs the stages of one learner alone, which read and write its own topics', async () => {
  const base = tinyFolder();
  const change = { learners: { slow: learners.slow } };
  const main = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];
  await tinyRun(base, 'run', change, { stages: main });
  const run = await openRunFolder(join(base, 'run'));
  const behind = (await stageLag(run.plan, run.log)).filter(({ lag }) => lag > 0).map(({ stage }) => stage);
  await run.log.close();
  expect(behind).toEqual(['learn.slow', 'evaluate.slow']);
  const { summary } = await tinyRun(base, 'run', change, { stages: ['learn.slow', 'evaluate.slow'] });
  expect(summary.learners?.slow).toMatchObject({ weights: { version: 4 }, heldOut: { n: 4 } });
  expect(existsSync(join(base, 'run', 'weights.slow/v000004/model.safetensors'))).toBe(true);
  expect((await verifyRun(join(base, 'run'))).equal).toBe(true);
}, 120_000);

it('follows from the stage definitions: the plan, its graph and its topics on stores of several processes', () => {
  const spec = checkSpec({ ...tinyPipeline, learners, topics: { kafka: { brokers: ['localhost:9092'] } } });
  const plan = planOf(spec, '.');
  const further = plan.stages.filter(({ learner }) => learner !== '');
  expect(further.map(({ name, input, output }) => [name, input, output])).toEqual([
    ['learn.same', 'advantages', 'weights.same'],
    ['learn.slow', 'advantages', 'weights.slow'],
    ['evaluate.same', 'weights.same', 'metrics'],
    ['evaluate.slow', 'weights.slow', 'metrics'],
  ]);
  const topics = plan.topics.map(({ name }) => name);
  expect(topics).toEqual(expect.arrayContaining(['weights.slow', 'checkpoints', 'checkpoints.slow']));
  const graph = drawGraph(plan, 'mermaid');
  for (const edge of [
    'topic_advantages --> stage_learn_slow',
    'stage_learn_slow --> topic_weights_slow',
    'topic_weights_slow --> stage_evaluate_slow',
  ])
    expect(graph).toContain(edge);
});

it('reports settings out of range, and learners without learn', () => {
  const check = (change: object) => () => checkSpec({ ...tinyPipeline, ...change });
  expect(check({ learners: { slow: { lr: 0 } } })).toThrow('learners.slow.lr: found 0');
  expect(check({ learners: { slow: { prompts: 4 } } })).toThrow('learners.slow.prompts: unknown field');
  expect(check({ learners, learn: undefined, steps: undefined })).toThrow(
    'learners: needs learn; expected the settings that each learner starts from',
  );
});
