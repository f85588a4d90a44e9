import { expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { replayWarnings } from '../../src/replay/retention.js';
import { tinyPipeline } from '../runs/tiny-run.js';

const warnings = (change: Partial<PipelineInput>) =>
  replayWarnings(planOf(checkSpec({ ...tinyPipeline, steps: 12, publish: { keep: 2 }, ...change }), '.'));

it('warns about teacher versions that are deleted before the end', () => {
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 4 } })).toEqual([
    expect.stringMatching(/^publish\.keep: found 2, which deletes the teacher's versions 2, 6 before the end/),
  ]);
});

it('does not warn when they are kept or there is no teacher', () => {
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 2 } })).toEqual([]);
  expect(warnings({ teach: { every: 2 }, evaluate: { every: 4 }, publish: { keep: 10 } })).toEqual([]);
  expect(warnings({ shape: 'grpo', evaluate: { every: 4 } })).toEqual([]);
});
