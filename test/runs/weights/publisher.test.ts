import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/models/folder.js';
import { readAdapter } from '../../../src/models/lora/folder.js';
import { initialAdapter } from '../../../src/pipelines/plan/adapter.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';
import { materialise, publishBase, runPublisher } from '../../../src/runs/weights/publisher.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { toAppend } from '../../../src/topics/record-codec.js';
import { storeOf } from '../../../src/topics/registry.js';
import { newTinyFolder, tinyPipeline } from '../tiny-run.js';

/** A publisher of empty weights whose records are committed only where a test does so. */
async function publishing(change: Partial<PipelineInput> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-publisher-'));
  const log = await openEmbedded(join(folder, 'topics'));
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });
  await log.ensureTopics([{ name: 'weights', partitions: 1 }]);
  const spec = checkSpec({ ...tinyPipeline, ...change });
  const learner = {
    async saveModel(to: string) {
      writeFileSync(join(to, 'model.safetensors'), to);
      return 'digest';
    },
    saveCheckpoint: async (to: string) => void mkdirSync(to, { recursive: true }),
  };
  let measured = 0n;
  const committed = async () => [{ topic: 'weights', partition: 0, offset: measured }];
  const publisher = runPublisher(
    learner,
    { log: { ...log, committed }, run: 'r', learner: '', folder, base: folder, spec, store: storeOf(spec.topics) },
    () => [],
    () => {},
  );
  const publish = (step: number) => publisher.publish({ step, samples: [], stats: {} });
  const versions = (kind: string) =>
    readdirSync(join(folder, kind))
      .map((name) => Number(name.slice(1)))
      .sort((a, b) => a - b);
  return {
    publish,
    async commit(step: number) {
      const [weights] = await publish(step);
      if (weights) await log.append([toAppend('weights', weights)]);
    },
    measureAll() {
      measured = 1_000n;
    },
    versions,
  };
}

it('keeps the checkpoint of the newest version that is committed, however far the learner is ahead of it', async () => {
  const { publish, commit, versions } = await publishing();
  for (const step of [0, 1, 2]) await publish(step);
  expect(versions('checkpoints')).toEqual([1, 2, 3]);
  await commit(1);
  await publish(3);
  expect(versions('checkpoints')).toEqual([2, 3, 4]);
});

it('keeps `publish.keep` versions besides the newest, the teacher and what is still to be measured', async () => {
  const { commit, measureAll, versions } = await publishing({ publish: { keep: 2 }, evaluate: { every: 3 } });
  for (let step = 0; step < 9; step++) await commit(step);
  expect(versions('weights')).toEqual([3, 6, 7, 8, 9]);
  measureAll();
  await commit(9);
  expect(versions('weights')).toEqual([8, 9, 10]);
});

it('publishes an adapter through the topic, from which its folder is made', async () => {
  const folder = newTinyFolder();
  const log = await openEmbedded(join(folder, 'topics'));
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });
  await log.ensureTopics([{ name: 'weights', partitions: 1 }]);
  const spec = checkSpec({ ...tinyPipeline, model: { base: 'model', lora: { rank: 2 } } });
  const embedded = storeOf(spec.topics);
  const store = { ...embedded, traits: { ...embedded.traits, weights: 'topics' as const } };
  const base = join(folder, 'model');
  const adapter = () => initialAdapter(spec, folder);
  const files = { log, run: 'r', learner: '', folder, base, spec, store, adapter };
  const weights = await publishBase(files);
  expect(weights).toMatchObject({ version: 0, format: 'adapter', location: null, chunk: { index: 0, count: 1 } });
  const made = await materialise(files, weights);
  expect(readdirSync(made).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  expect(readAdapter(made, readConfig(base))).toEqual({ lora: adapter()?.lora, parameters: adapter()?.parameters });
});
