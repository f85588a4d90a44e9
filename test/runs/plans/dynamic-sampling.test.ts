import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../../src/pipelines/plan/check.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { digests, records, sums, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

/** About three of four groups are rewarded alike. */
const rare = {
  steps: 6,
  rollout: { ...tinyPipeline.rollout, group: 2, rounds: 5 },
  verify: { regex: { pattern: '[0-1]' } },
};

/** Groups by step, and which of them have rewards that differ. */
async function groupsOf(run: string) {
  const rewards = new Map<number, Map<string, Set<number>>>();
  for (const { step, promptId, reward } of await records(run, 'verdicts')) {
    const groups = rewards.get(step) ?? new Map<string, Set<number>>();
    rewards.set(step, groups.set(promptId, (groups.get(promptId) ?? new Set()).add(reward)));
  }
  return [...rewards.values()].map((groups) => ({
    groups: groups.size,
    withSignal: [...groups.values()].filter((found) => found.size > 1).length,
  }));
}

describe('dynamic sampling', () => {
  it('replaces prompts without signal until the step is full, or its rounds are used up', async () => {
    const { folder } = await tinyRun(tinyFolder(), 'run', rare);
    const steps = await groupsOf(folder);
    expect(steps).toHaveLength(6);
    for (const { groups, withSignal } of steps) {
      expect(withSignal).toBeLessThanOrEqual(2);
      // Each round replaces all that lacks a signal, so one that is not full has had five rounds.
      expect(withSignal === 2 || groups >= 6).toBe(true);
    }
    expect(steps.filter(({ withSignal }) => withSignal === 2).length).toBeGreaterThan(2);
    const made = await records(folder, 'metrics');
    const learned = made.filter(({ stage }) => stage === 'learn').map(({ values }) => values);
    expect(
      learned.map(({ groups, groupsWithSignal, lost }) => ({ groups, withSignal: groupsWithSignal, lost })),
    ).toEqual(steps.map((step) => ({ ...step, lost: 0 })));
    const metered = made.filter(({ stage }) => stage === 'leak').map(({ step }) => step);
    expect(metered.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    const prompts = await records(folder, 'prompts');
    expect(prompts.length + prompts.gaps).toBe(6 * 2 * 5);
    expect(prompts.length).toBe(steps.reduce((sum, { groups }) => sum + groups, 0));
  }, 60_000);

  it('gives the same records in every run, interrupted or not, and in a replay', async () => {
    const base = tinyFolder(sums(12));
    const prompts = { file: 'sums.jsonl', heldOut: 4, curriculum: { share: 0.2 } };
    const both = { ...rare, steps: 10, prompts };
    const once = await tinyRun(base, 'once', both);
    for (const until of [6, 1, 1]) {
      const stop = new AbortController();
      let steps = 0;
      const onStep = () => {
        if (++steps === until) stop.abort();
      };
      await expect(tinyRun(base, 'twice', both, { signal: stop.signal, onStep })).rejects.toThrow('stopped');
    }
    const twice = await tinyRun(base, 'twice', both);
    expect(twice.summary.weights?.digest).toBe(once.summary.weights?.digest);
    const { metrics: _, source: __, ...topics } = await digests(once.folder);
    expect(await digests(twice.folder)).toMatchObject(topics);
    expect(await verifyRun(once.folder)).toMatchObject({ equal: true });
  }, 120_000);
});

describe('a curriculum', () => {
  const easy = {
    steps: 14,
    evaluate: { every: 14 },
    verify: { regex: { pattern: '.' } },
    prompts: { file: 'sums.jsonl', heldOut: 4, curriculum: { share: 0.2 } },
  };

  it('asks again what is always solved in its share of turns, in the same order in every run', async () => {
    const base = tinyFolder(sums(12));
    const [one, two] = [await tinyRun(base, 'one', easy), await tinyRun(base, 'two', easy)];
    expect(await digests(two.folder)).toMatchObject({ prompts: (await digests(one.folder)).prompts });
    const items = (await records(one.folder, 'prompts')).map(({ itemId }) => itemId);
    expect(items).toHaveLength(28);
    expect(new Set(items.slice(0, 8)).size).toBe(8);
    // A pass that asks one of five takes longer than what was written before anything was known.
    const passes = (await records(one.folder, 'prompts')).map(({ promptId }) => Number(promptId.split('#')[1] ?? 0));
    expect(Math.max(...passes)).toBeGreaterThan(4);
  }, 60_000);
});

it('is refused where nothing is trained: every prompt is asked once', async () => {
  const { steps: _, learn: __, shape: ___, ...judged } = tinyPipeline;
  const prompts = { file: 'sums.jsonl', curriculum: {} };
  const spec = checkSpec({ ...judged, prompts, privileged: [], rollout: { ...tinyPipeline.rollout, rounds: 2 } });
  expect(await checkPlan(planOf(spec, tinyFolder()))).toEqual([
    'prompts.curriculum: needs learn: without it every prompt is asked once; expected it left out',
    'rollout.rounds: needs learn, whose steps they fill; expected it left out',
  ]);
});
