import { expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { replayNotes } from '../../src/replay/retention.js';
import { tinyPipeline } from '../runs/tiny-run.js';

const notes = (change: Partial<PipelineInput>) =>
  replayNotes(planOf(checkSpec({ ...tinyPipeline, steps: 12, publish: { keep: 2 }, ...change }), '.'));

it('names teacher versions that are deleted before the end', () => {
  expect(notes({ teach: { every: 2 }, evaluate: { every: 4 } })).toEqual([
    expect.stringMatching(
      /^publish\.keep: found 2, which deletes the teacher's versions 2, 4, 6, 8 before the end; .*of at least 10 to keep them all/,
    ),
  ]);
});

it('says nothing when they are kept or there is no teacher', () => {
  expect(notes({ teach: { every: 2 }, evaluate: { every: 4 }, publish: { keep: 10 } })).toEqual([]);
  expect(notes({ shape: 'grpo', evaluate: { every: 4 } })).toEqual([]);
});
