import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { clippedPolicy, sumLosses } from '../../../src/losses/index.js';
import { grpoDefinition } from '../../../src/methods/grpo.js';
import { bindMethod, defineMethod, type Method } from '../../../src/methods/index.js';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { runPipeline } from '../../../src/runs/run.js';
import { records, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));
const updates = { ...tinyPipeline.learn, epochs: 3 };

it('trains with a loss in a file next to the pipeline, and reports its metrics', async () => {
  const loss = { module: join(examples, 'losses/dual-clip.mjs'), ceiling: 1.01 };
  const folder = tinyFolder();
  const change = { shape: 'grpo', steps: 2, prompts: { ...tinyPipeline.prompts, shuffle: false } } as const;
  const plain = await tinyRun(folder, 'plain', { ...change, learn: updates });
  const own = await tinyRun(folder, 'own', { ...change, learn: { ...updates, loss } });
  const steps = (await records(own.folder, 'metrics')).filter(({ stage }) => stage === 'learn');
  expect(steps[0]?.values.bounded).toBeGreaterThan(0);
  expect(own.summary.weights.digest).not.toBe(plain.summary.weights.digest);
  expect(JSON.parse(readFileSync(join(own.folder, 'manifest.json'), 'utf8')).lossModule).toMatch(/^[0-9a-f]{64}$/);
});

it('trains with the loss of a method', async () => {
  const halved = defineMethod({
    ...grpoDefinition,
    name: 'halved',
    create: (settings) => ({ ...grpoDefinition.create(settings), loss: sumLosses([[0.5, clippedPolicy.create()]]) }),
  });
  const folder = tinyFolder();
  const gradientNorm = async (method: Method): Promise<number> => {
    const run = join(folder, method.name);
    await runPipeline({ plan: pipeline({ ...tinyPipeline, shape: method, steps: 2 }).plan(folder), folder: run });
    const [first] = (await records(run, 'metrics')).filter(({ stage }) => stage === 'learn');
    return first?.values.gradientNorm ?? Number.NaN;
  };
  const whole = await gradientNorm(bindMethod(grpoDefinition, {}));
  expect(await gradientNorm(bindMethod(halved, {}))).toBeCloseTo(whole / 2, 5);
});
