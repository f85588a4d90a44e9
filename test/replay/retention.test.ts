import { expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { replayWarnings } from '../../src/replay/retention.js';
import { tinyPipeline } from '../runs/tiny-run.js';

const warnings = (change: Partial<PipelineInput>) =>
  replayWarnings(planOf(checkSpec({ ...tinyPipeline, steps: 12, publish: { keep: 2 }, ...change }), '.'));

it('warns of the teacher versions that are dropped before the end', () => {
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 4 } })).toEqual([
    expect.stringMatching(/^publish\.keep: found 2, which drops the teacher's versions 2, 6 before the end/),
  ]);
});

it('says nothing where they stay, or where nobody teaches', () => {
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 2 } })).toEqual([]);
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 4 }, publish: { keep: 10 } })).toEqual([]);
  expect(warnings({ shape: 'grpo', evaluate: { every: 4 } })).toEqual([]);
});
