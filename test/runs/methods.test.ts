import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { float32Array } from '../../src/records/arrays.js';
import { records, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

const teach = tinyPipeline.teach;

it.each<[string, Partial<PipelineInput>]>([
  ['opsd', { shape: 'opsd' }],
  ['grpo+opsd', { shape: { 'grpo+opsd': { k: 4, divergence: 'reverseKl', pointClip: 0.5 } } }],
  ['opd', { shape: 'opd', teach: { ...teach, model: 'teacher' } }],
  ['sdpo', { shape: { sdpo: { feedback: false } } }],
  ['rlcsd', { shape: { rlcsd: { lambda: 1, weightClip: [0.5, 2] } } }],
  ['rlsd against a shuffled context', { shape: { rlsd: { lambda: 1, weightClip: [0.5, 2], against: 'shuffled' } } }],
  ['contrast', { shape: { contrast: { floor: 0.2 } } }],
  ['permuted rlsd', { teach: { ...teach, weights: 'permuted' } }],
])('%s trains through every topic', async (_, change) => {
  const base = tinyFolder();
  cpSync(join(base, 'model'), join(base, 'teacher'), { recursive: true });
  const { folder, summary } = await tinyRun(base, 'run', { steps: 1, ...change });
  expect(summary).toMatchObject({ steps: 1, records: { advantages: 8, 'dead-letters': 0 } });
  expect(new Set((await records(folder, 'weights')).map(({ digest }) => digest)).size).toBe(2);
});

it('gives the whole vocabulary to opsd, and each sample two scores to a contrast', async () => {
  const base = tinyFolder();
  const { folder } = await tinyRun(base, 'opsd', { steps: 1, shape: 'opsd' });
  const { vocab_size } = JSON.parse(readFileSync(join(base, 'model/config.json'), 'utf8'));
  for (const { teacherTop } of await records(folder, 'teacher-scores')) expect(teacherTop?.k).toBe(vocab_size);
  const contrasted = await tinyRun(base, 'contrast', {
    steps: 1,
    shape: { rlsd: { lambda: 1, against: 'shuffled' } },
  });
  const scores = (await records(contrasted.folder, 'teacher-scores')).filter((score) => score.teacherLogprobs !== null);
  expect(scores.length).toBeGreaterThan(0);
  for (const { teacherLogprobs, contrastLogprobs } of scores)
    expect(float32Array(contrastLogprobs ?? new Uint8Array())).not.toEqual(
      float32Array(teacherLogprobs ?? new Uint8Array()),
    );
});

it('names what is wrong with a separate teacher, or with permuted distributions', async () => {
  const base = tinyFolder();
  const problems = async (change: Partial<PipelineInput>) =>
    (await checkPlan(planOf(checkSpec({ ...tinyPipeline, ...change }), base))).join('\n');
  expect(await problems({ shape: 'opd' })).toBe("teach.model: is missing; expected the folder of opd's teacher");
  expect(await problems({ teach: { ...teach, model: 'model' } })).toBe(
    'teach.model: found model, but the teacher of rlsd is the policy',
  );
  expect(await problems({ shape: 'opsd', teach: { ...teach, weights: 'permuted' } })).toMatch(
    /^teach.weights: found permuted, but opsd distills distributions/,
  );
  cpSync(join(base, 'model'), join(base, 'other'), { recursive: true });
  const file = join(base, 'other/tokenizer.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"7"', '"seven"'));
  expect(await problems({ shape: 'opd', teach: { ...teach, model: 'other' } })).toMatch(
    /^teach.model: token \d+ is "seven" in other and "7" in model; expected the same vocabulary$/m,
  );
});
