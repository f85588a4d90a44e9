import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPlan } from '../../../src/pipelines/plan/check.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';
import { digests, newTinyFolder, records, tinyPipeline, tinyRun } from '../tiny-run.js';

const without = { prompts: undefined, rollout: undefined, verify: undefined, shape: undefined } as object;
const { privileged: _, ...fields } = tinyPipeline;
type FromTopic = NonNullable<PipelineInput['from']>['topic'];
/** The tiny pipeline that begins with a topic of the run `first` instead of sampling. */
const beginningWith = (topic: FromTopic, change: object = {}) => ({
  ...without,
  from: { run: 'first', topic },
  ...change,
});
const plan = (folder: string, change: object) => planOf(checkSpec({ ...fields, ...change }), folder);
const problems = async (folder: string, change: object) => (await checkPlan(plan(folder, change))).join('\n');

let base: string;
beforeAll(async () => {
  base = newTinyFolder();
  await tinyRun(base, 'first');
}, 60_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('a run from recorded advantages', () => {
  it('trains to the same weights as the run that made them', async () => {
    const { folder, summary } = await tinyRun(base, 'again', beginningWith('advantages'));
    expect(plan(base, beginningWith('advantages')).stages.map(({ name }) => name)).toEqual([
      'copy',
      'learn',
      'evaluate',
    ]);
    const first = await digests(`${base}/first`);
    const again = await digests(folder);
    expect(again).toMatchObject({ advantages: first.advantages, references: first.references });
    const [before, after] = await Promise.all([records(`${base}/first`, 'weights'), records(folder, 'weights')]);
    expect(after.map(({ digest }) => digest)).toEqual(before.map(({ digest }) => digest));
    expect(summary).toMatchObject({ steps: 4, samples: 32, heldOut: { n: 0 } });
    expect(Object.keys(summary.records)).not.toContain('rollouts');
  }, 60_000);

  it('repeats them if there are more steps, in batches of its own size', async () => {
    const change = beginningWith('advantages', { steps: 3, learn: { ...tinyPipeline.learn, prompts: 4 } });
    const { folder } = await tinyRun(base, 'longer', change);
    const advantages = await records(folder, 'advantages');
    expect(advantages.map(({ step }) => step)).toEqual(Array.from({ length: 48 }, (_, n) => Math.floor(n / 16)));
    const ids = [...new Set(advantages.map(({ promptId }) => promptId))];
    expect(ids).toHaveLength(12);
    expect(ids.slice(8)).toEqual(ids.slice(0, 4).map((id) => `${id}@1`));
  }, 60_000);

  it('gives the same results if it is interrupted', async () => {
    const change = beginningWith('advantages', { steps: 12 });
    const once = await tinyRun(base, 'once', change);
    await tinyRun(base, 'twice', change, { stages: ['copy'] });
    const abort = new AbortController();
    await tinyRun(base, 'twice', change, { signal: abort.signal, onStep: () => abort.abort() }).catch(() => {});
    const twice = await tinyRun(base, 'twice', change);
    expect(twice.summary.weights.digest).toBe(once.summary.weights.digest);
    expect(await digests(twice.folder)).toEqual(await digests(once.folder));
  }, 60_000);

  it('evaluates the given held-out prompts', async () => {
    const { prompts, verify } = tinyPipeline;
    const { summary } = await tinyRun(base, 'measured', beginningWith('advantages', { prompts, verify }));
    expect(summary.heldOut).toMatchObject({ n: 4, before: expect.any(Number), after: expect.any(Number) });
  }, 60_000);
});

describe('a run from earlier topics', () => {
  it('shapes recorded verdicts by another method', async () => {
    const change = beginningWith('verdicts', { shape: 'grpo', learn: undefined, steps: undefined });
    const { folder, summary } = await tinyRun(base, 'shaped', change as object);
    expect(summary.judged).toMatchObject({ topic: 'advantages', prompts: 8, samples: 32 });
    expect(new Set((await records(folder, 'advantages')).map(({ shaper }) => shaper.split('@')[0]))).toEqual(
      new Set(['grpo']),
    );
  }, 60_000);

  it('has recorded verdicts scored by a teacher that follows the steps', async () => {
    const { folder } = await tinyRun(
      base,
      'taught',
      beginningWith('verdicts', { shape: 'rlsd', privileged: ['trace'] }),
    );
    const scored = (await records(folder, 'teacher-scores')).filter(({ teacherLogprobs }) => teacherLogprobs);
    expect(scored.length).toBeGreaterThan(0);
    for (const { teacherVersion, step } of scored) expect(teacherVersion).toBe(step - (step % 2));
  }, 60_000);

  it('judges recorded rollouts by another verifier', async () => {
    const verify = { regex: { pattern: '.' } };
    const { summary } = await tinyRun(base, 'judged', {
      ...beginningWith('rollouts', { verify }),
      ...({ learn: undefined, steps: undefined } as object),
    });
    expect(summary.judged).toMatchObject({ topic: 'verdicts', samples: 32, correct: 32 });
  }, 60_000);
});

describe('topics that cannot start a run', () => {
  it('are named', async () => {
    expect(() => plan(base, beginningWith('verdicts'))).toThrow(/shape: is missing/);
    expect(() => plan(base, beginningWith('advantages', { learn: undefined }))).toThrow(/learn: is missing/);
    expect(() => plan(base, { ...beginningWith('advantages'), from: { run: 'none', topic: 'advantages' } })).toThrow(
      /from\.run: .*none: no run here/,
    );
    const shaped = { shape: 'grpo', learn: undefined, steps: undefined };
    expect(
      await problems(base, {
        ...beginningWith('teacher-scores', shaped),
        from: { run: 'shaped', topic: 'teacher-scores' },
      }),
    ).toMatch(/from\.topic: shaped has no topic teacher-scores/);
  });
});
