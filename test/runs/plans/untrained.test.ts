import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { requeueDeadLetters } from '../../../src/runs/inspect/dead-letters.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { runPipeline } from '../../../src/runs/run.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { countRecords } from '../../../src/topics/scan.js';
import { defineTopicStore } from '../../../src/topics/store.js';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const { steps: _, shape: __, learn: ___, privileged: ____, ...judging } = tinyPipeline;
const untrained: object = { steps: undefined, learn: undefined, shape: undefined, privileged: [] };
const judge = { ...untrained, prompts: { file: 'sums.jsonl', limit: 6 } };
const measure = { ...untrained, rollout: undefined, evaluate: { maxTokens: 6 } };

it.each([
  ['samples and judges', judge, 'verdicts'],
  ['measures the model', measure, 'metrics'],
] as const)(
  'a run that only %s is repeated bit by bit',
  async (_what, change, topic) => {
    const { folder } = await tinyRun(tinyFolder(), 'run', change);
    const report = await verifyRun(folder);
    expect(report).toMatchObject({ equal: true, mode: 'source' });
    expect(report.topics.find((each) => each.topic === topic)?.records).toBeGreaterThan(0);
  },
  60_000,
);

it('replay rejects a run whose prompts are not all judged', async () => {
  const { folder } = await tinyRun(tinyFolder(), 'run', judge, { stages: ['ingest', 'rollout'] });
  await expect(verifyRun(folder)).rejects.toThrow(
    /stage verify is 24 records behind the end of rollouts; `rlsd resume/,
  );
}, 60_000);

it('a failed prompt is judged once requeued, even after all prompts have been written', async () => {
  const long = JSON.stringify({ id: 'long', question: 'x'.repeat(200), answer: '1' });
  const base = tinyFolder([...sums(5), long]);
  const change = { ...untrained, prompts: { file: 'sums.jsonl' } };
  const { folder, summary } = await tinyRun(base, 'run', change);
  expect(summary.judged).toMatchObject({ prompts: 5 });
  const run = await openRunFolder(folder, { readOnly: false });
  try {
    expect(await requeueDeadLetters(run)).toMatchObject({ requeued: 1, left: [] });
  } finally {
    await run.log.close();
  }
  await tinyRun(base, 'run', change);
  expect((await records(folder, 'prompts')).map(({ itemId }) => itemId).filter((id) => id === 'long')).toHaveLength(2);
  expect(await records(folder, 'dead-letters')).toHaveLength(2);
  expect(await verifyRun(folder)).toMatchObject({ equal: true, mode: 'prompts' });
}, 60_000);

it('processes that share the stages end when everything is judged', async () => {
  const base = tinyFolder();
  const log = await openEmbedded(join(base, 'shared'));
  onTestFinished(() => log.close());
  const store = defineTopicStore({
    name: 'shared',
    summary: 'One log for every process.',
    settings: z.strictObject({}),
    traits: () => ({ multiProcess: true, location: 'server', partitions: 1, weights: 'folder' }),
    open: async () => ({ ...log, close: async () => {} }),
  }).bind({});
  const spec = checkSpec({ ...judging, privileged: [], prompts: { file: 'sums.jsonl', limit: 6 } });
  const plan = planOf(spec, base, [], { store });
  const process = (...stages: string[]) => runPipeline({ plan, folder: join(base, 'run'), stages });
  await Promise.all([process('verify'), process('ingest', 'rollout')]);
  expect(await countRecords(log, 'verdicts')).toBe(24);
}, 60_000);
