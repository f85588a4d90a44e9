import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { runPipeline } from '../../src/runs/run.js';
import { records } from './tiny-run.js';

it.each(['chain', 'own-prompts', 'tasks', 'two-learners'])('examples/%s.yaml runs to its end', async (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const parsed = readSpec(join('examples', `${name}.yaml`), [
    'steps=1',
    'learn.prompts=2',
    'rollout.group=4',
    'model.workers=1',
    'learn.threads=1',
  ]);
  const plan = planOf(parsed.spec, parsed.folder);
  const summary = await runPipeline({ plan, folder: join(folder, 'run') });
  expect(summary).toMatchObject({ steps: 1, weights: { version: 1 }, records: { verdicts: 8, 'dead-letters': 0 } });
  const verdicts = await records(join(folder, 'run'), 'verdicts');
  expect(verdicts.every(({ reason }) => reason !== '')).toBe(true);
});

it.each(['code', 'json-schema', 'documents', 'sql'])('examples/%s.yaml learns', async (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const parsed = readSpec(join('examples', `${name}.yaml`), [
    'steps=1',
    'learn.prompts=4',
    'prompts.heldOut=8',
    'model.workers=1',
    'learn.threads=1',
  ]);
  const summary = await runPipeline({ plan: planOf(parsed.spec, parsed.folder), folder: join(folder, 'run') });
  const { signal, records: counts, reward } = summary;
  expect(counts).toMatchObject({ verdicts: 32, 'dead-letters': 0 });
  expect(signal?.weightsChanged).toBe(true);
  expect(signal?.groupsWithSignal).toBeGreaterThan(0);
  expect(signal?.teacherAsked).toBeGreaterThan(0);
  expect(signal?.teacherMoved).toBeGreaterThan(0);
  expect(reward?.mean).toBeGreaterThan(0.1);
});

it.each([
  ['judge', 'prompts.limit=3', { judged: { topic: 'verdicts', prompts: 3, samples: 12 } }],
  ['evaluate', 'prompts.heldOut=3', { judged: null, heldOut: { n: 3 } }],
])('examples/%s.yaml runs to its end', async (name, set, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { spec, folder: base } = readSpec(join('examples', `${name}.yaml`), [set, 'model.workers=1']);
  const summary = await runPipeline({ plan: planOf(spec, base), folder: join(folder, 'run') });
  expect(summary).toMatchObject({ steps: 0, ...expected });
});
