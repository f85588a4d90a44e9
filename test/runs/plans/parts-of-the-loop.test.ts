import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../../src/pipelines/plan/check.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { datasetRows, datasetTopic } from '../../../src/runs/inspect/dataset.js';
import { withRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { digests, records, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const { steps: _, shape, learn: __, rollout, ...common } = tinyPipeline;
const judgeOnly = { ...common, rollout, privileged: [] };
const whole = { steps: undefined, learn: undefined, shape: undefined } as object;
const names = (spec: object, folder = '.') => planOf(checkSpec(spec), folder).stages.map(({ name }) => name);

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe('a pipeline without learn', () => {
  it('samples and judges each line of the file once, and ends', async () => {
    expect(names(judgeOnly)).toEqual(['ingest', 'rollout', 'verify']);
    const { folder, summary } = await tinyRun(tinyFolder(), 'run', whole);
    const verdicts = await records(folder, 'verdicts');
    expect(new Set(verdicts.map(({ itemId }) => itemId)).size).toBe(36);
    expect(verdicts).toHaveLength(36 * 4);
    expect(new Set(verdicts.map(({ policyVersion }) => policyVersion))).toEqual(new Set([0]));
    const correct = verdicts.filter(({ verdict }) => verdict === 'correct').length;
    expect(summary).toMatchObject({
      steps: 0,
      judged: { topic: 'verdicts', prompts: 36, samples: 144, correct, reward: correct / 144 },
    });
  }, 60_000);

  it('ends with advantages if it has a method, including its teacher', async () => {
    const change = { ...whole, shape, prompts: { file: 'sums.jsonl', limit: 5 } };
    const { folder, summary } = await tinyRun(tinyFolder(), 'run', change);
    expect(summary.judged).toMatchObject({ topic: 'advantages', prompts: 5, samples: 20 });
    expect(await records(folder, 'teacher-scores')).toHaveLength(20);
  }, 60_000);

  it('gives the same results if it is interrupted', async () => {
    const base = tinyFolder();
    const change = { ...whole, prompts: { file: 'sums.jsonl', limit: 20 } };
    const once = await tinyRun(base, 'once', change);
    await tinyRun(base, 'twice', change, { stages: ['ingest'] });
    const twice = await tinyRun(base, 'twice', change);
    await tinyRun(base, 'twice', change);
    expect(twice.summary.judged).toEqual(once.summary.judged);
    expect(await digests(twice.folder)).toEqual(await digests(once.folder));
  }, 60_000);

  it('ends with the best completion of each prompt that has one', async () => {
    const transform = { rollouts: { dropLength: { max: 5 } }, verdicts: 'bestOf' };
    const { folder, summary } = await tinyRun(tinyFolder(), 'run', { ...whole, transform });
    const judged = await records(folder, 'verdicts');
    expect(judged.length).toBeLessThan(36 * 4);
    const best = await records(folder, 'verdicts', 'verdicts.bestOf');
    const solved = new Set(judged.filter(({ reward }) => reward > 0).map(({ itemId }) => itemId));
    expect(new Set(best.map(({ itemId }) => itemId))).toEqual(solved);
    expect(best).toHaveLength(solved.size);
    expect(summary.judged).toMatchObject({ topic: 'verdicts.bestOf', samples: solved.size, correct: solved.size });
    const rows = await withRunFolder(folder, ({ log, plan }) => collected(datasetRows(log, datasetTopic(plan))));
    const completions = best.map(({ completion }) => completion);
    expect(rows.map(({ messages }) => messages.at(-1))).toEqual(
      completions.map((content) => ({ role: 'assistant', content })),
    );
    expect(new Set(rows.map(({ id }) => id)).size).toBe(solved.size);
  }, 60_000);

  it('needs a limit if its prompts never end, but not with learn', async () => {
    const generated = { ...judgeOnly, prompts: { generate: 'chain-sum' } };
    const problems = await checkPlan(planOf(checkSpec(generated), tinyFolder()));
    expect(problems.join()).toMatch(/prompts\.limit: is missing; a generator never ends/);
    const limited = { ...tinyPipeline, prompts: { file: 'sums.jsonl', limit: 5 } };
    expect((await checkPlan(planOf(checkSpec(limited), tinyFolder()))).join()).toMatch(/does not go with learn/);
  });
});

describe('a pipeline without rollout', () => {
  it('measures the model on the held-out prompts, and ends', async () => {
    const change = { ...whole, rollout: undefined, privileged: [], evaluate: { maxTokens: 6 } } as object;
    expect(names({ ...common, evaluate: { maxTokens: 6 } })).toEqual(['evaluate']);
    const { folder, summary } = await tinyRun(tinyFolder(), 'run', change);
    const [metric, ...others] = await records(folder, 'metrics');
    expect(others).toEqual([]);
    expect(metric?.values).toMatchObject({ n: 4 });
    expect(summary).toMatchObject({ heldOut: { n: 4, after: metric?.values.accuracy }, judged: null });
    expect(Object.keys(summary.records)).toEqual(expect.not.arrayContaining(['prompts', 'rollouts']));
  }, 60_000);
});

describe('requirements of each part', () => {
  it.each([
    [{ ...tinyPipeline, shape: undefined }, /shape: is missing; expected a method/],
    [{ ...tinyPipeline, steps: undefined }, /steps: is missing; expected a number/],
    [{ ...common, shape: 'grpo' }, /rollout: is missing; expected how to sample/],
    [common, /rollout: is missing; .*or evaluate\.maxTokens/],
  ])('is named where it is missing', (spec, message) => expect(() => checkSpec(spec)).toThrow(message));
});
