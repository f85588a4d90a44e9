import { expect, it } from 'vitest';
import { z } from 'zod';
import { distillation } from '../../src/losses/distillation.js';
import { bindMethod, defineMethod } from '../../src/methods/bind.js';
import { pipeline } from '../../src/pipelines/plan/builder.js';
import { distillationTargets } from '../../src/records/distillation.js';
import { runPipeline } from '../../src/runs/run.js';
import { records, tinyFolder, tinyPipeline } from '../runs/tiny-run.js';
import { nth } from './groups.js';

/** Learns from the teacher's distribution alone, groups of equal rewards included. */
const imitate = defineMethod({
  name: 'imitate',
  summary: "Towards the teacher's distribution.",
  settings: z.strictObject({ k: z.int().min(1).default(3) }),
  statistics: { tail: "Mean probability outside the teacher's top k." },
  create: ({ k }) => ({
    teacher: { scores: 'topK', k, model: 'self', context: 'privileged' },
    usesUniformGroups: true,
    loss: distillation.create(),
    shape: ({ samples }) =>
      samples.map(({ mask, teacherTop }) => {
        if (!teacherTop) throw new Error('the teacher gave no distribution');
        const tail = teacherTop.tailLogprobs.reduce((sum, value) => sum + Math.exp(value), 0) / mask.length;
        return {
          advantage: 0,
          tokenAdvantages: new Float64Array(mask.length),
          tokenWeights: new Float32Array(mask.length).fill(0.5),
          distillation: teacherTop,
          stats: { tail },
        };
      }),
  }),
});

it("a method of one definition distills the teacher's top tokens, through every topic to the weights", async () => {
  const base = tinyFolder();
  const method = bindMethod(imitate, {});
  const plan = pipeline({ ...tinyPipeline, steps: 2, shape: method }).plan(base);
  const folder = `${base}/run`;
  const summary = await runPipeline({ plan, folder });
  expect(summary).toMatchObject({ steps: 2, records: { advantages: 16, 'dead-letters': 0 } });

  const scores = await records(folder, 'teacher-scores');
  const shaped = await records(folder, 'advantages');
  for (const [i, { distillation, completionTokens, stats }] of shaped.entries()) {
    const targets = distillation && distillationTargets(distillation);
    expect(targets?.k).toBe(3);
    expect(targets?.topIds).toHaveLength((completionTokens.byteLength / 4) * 3);
    expect(distillation).toEqual(nth(scores, i).teacherTop);
    expect(stats.tail).toBeGreaterThan(0);
  }
  const versions = await records(folder, 'weights');
  expect(new Set(versions.map(({ digest }) => digest)).size).toBe(3);
});
