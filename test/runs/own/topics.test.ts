import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadPlan } from '../../../src/pipelines/plan/load-method.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { replayFrom } from '../../../src/replay/from.js';
import { readDeadLetters } from '../../../src/runs/inspect/dead-letters.js';
import { stageLag } from '../../../src/runs/inspect/lag.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { runPipeline } from '../../../src/runs/run.js';
import { tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const module = fileURLToPath(new URL('../../../examples/topics/json-lines/store.mjs', import.meta.url));

it.each([1, 3])(
  'a pipeline runs, resumes and replays on a topic store from a module, over %i partitions',
  async (partitions) => {
    const base = tinyFolder();
    const { summary: embedded } = await tinyRun(base, 'embedded');
    const folder = join(base, 'own');
    const plan = await loadPlan(checkSpec({ ...tinyPipeline, topics: { module, partitions } }), base);
    expect(plan.topics.find(({ name }) => name === 'rollouts')).toMatchObject({ partitions });
    const stopped = new AbortController();
    const first = runPipeline({
      plan,
      folder,
      signal: stopped.signal,
      onEvent: ({ event }) => event === 'step' && stopped.abort(),
    });
    await expect(first).rejects.toThrow(/stopped/);
    const summary = await runPipeline({ plan, folder });
    expect(summary.weights).toMatchObject({ version: 4, digest: embedded.weights.digest });
    expect(summary.records).toMatchObject({ prompts: 8, advantages: 32 });
    const run = await openRunFolder(folder);
    try {
      expect((await stageLag(run.plan, run.log)).filter(({ stage, lag }) => stage === 'learn' && lag > 0)).toEqual([]);
      expect(await readDeadLetters(run)).toEqual([]);
    } finally {
      await run.log.close();
    }
    const replayed = await replayFrom(folder, { from: 'advantages', to: join(base, 'replay'), train: true });
    expect(replayed.summary.weights.digest).toBe(embedded.weights.digest);
  },
  120_000,
);

it('names the module that is not a topic store', async () => {
  const spec = checkSpec({ ...tinyPipeline, topics: { module: 'store.mjs' } });
  await expect(loadPlan(spec, tinyFolder())).rejects.toThrow(/^topics\.module: store\.mjs cannot be loaded/);
});
