import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { ensureTopics } from '../../src/pipelines/topic-log.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { tinyPipeline } from '../runs/tiny-run.js';

it("leaves another program's topic of prompts as it is, and creates it where it is missing", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-topics-'));
  const log = await openEmbedded(folder);
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });
  const tasks = { theirs: { prompts: { topic: 'theirs' } }, missing: { prompts: { topic: 'missing' } } };
  const { topics } = planOf(checkSpec({ ...tinyPipeline, prompts: undefined, tasks }), folder);
  await log.ensureTopics([{ name: 'theirs', partitions: 5, compact: true }]);
  await ensureTopics(log, topics);
  await ensureTopics(log, topics);
  const found = (await log.describe()).filter(({ name }) => name in tasks);
  expect(found.map(({ name, partitions }) => [name, partitions]).sort()).toEqual([
    ['missing', 1],
    ['theirs', 5],
  ]);
});
