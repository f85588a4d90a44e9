import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { runPublisher } from '../../../src/runs/weights/publisher.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { toAppend } from '../../../src/topics/record-codec.js';
import { storeOf } from '../../../src/topics/registry.js';
import { tinyPipeline } from '../tiny-run.js';

it('keeps the checkpoint of the newest version that is committed, however far the learner is ahead of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-publisher-'));
  const log = await openEmbedded(join(folder, 'topics'));
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });
  await log.ensureTopics([{ name: 'weights', partitions: 1 }]);
  const spec = checkSpec(tinyPipeline);
  const learner = {
    async saveModel(to: string) {
      writeFileSync(join(to, 'model.safetensors'), to);
      return 'digest';
    },
    saveCheckpoint: async (to: string) => void mkdirSync(to, { recursive: true }),
  };
  const publisher = runPublisher(
    learner,
    { log, run: 'r', learner: '', folder, base: folder, spec, store: storeOf(spec.topics) },
    () => [],
    () => {},
  );
  const publish = (step: number) => publisher.publish({ step, samples: [], stats: {} });
  const kept = () => readdirSync(join(folder, 'checkpoints')).map((name) => Number(name.slice(1)));
  for (const step of [0, 1, 2]) await publish(step);
  expect(kept()).toEqual([1, 2, 3]);
  const [weights] = await publish(1);
  if (weights) await log.append([toAppend('weights', weights)]);
  await publish(3);
  expect(kept()).toEqual([2, 3, 4]);
});
