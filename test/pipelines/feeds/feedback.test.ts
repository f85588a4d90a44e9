import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { feedbackOf, hasFeedback } from '../../../src/pipelines/feeds/feedback.js';
import type { JudgedPrompt, Judgements } from '../../../src/pipelines/feeds/judgements.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { promptsPerStep } from '../../../src/pipelines/spec/sections.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

const { signal } = new AbortController();
const specOf = (change: object, rounds?: number) =>
  checkSpec({ ...tinyPipeline, ...change, rollout: { ...tinyPipeline.rollout, ...(rounds && { rounds }) } });
const promptOf = (sequence: number, rewards: readonly number[], itemId = `s${sequence}`): JudgedPrompt => ({
  ...{ itemId, sequence: BigInt(sequence), rewards },
  accuracy: rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
});

/** Judgements of steps that are complete. */
function fake(steps: readonly (readonly JudgedPrompt[])[]): Judgements & { readonly asked: (readonly number[])[] } {
  const asked: (readonly number[])[] = [];
  return {
    asked,
    of: async (step, places) => {
      asked.push([step, places]);
      return (steps[step] ?? []).slice(0, places);
    },
    pending: () => [],
    forgetBefore: () => {},
  };
}

it('a pipeline has feedback with rounds or a curriculum, and only where it trains on its own samples', () => {
  expect(hasFeedback(specOf({}))).toBe(false);
  expect(hasFeedback(specOf({}, 1))).toBe(false);
  expect(hasFeedback(specOf({}, 2))).toBe(true);
  expect(hasFeedback(specOf({ prompts: { file: 'sums.jsonl', curriculum: {} } }))).toBe(true);
  expect(promptsPerStep(specOf({}, 3))).toBe(6);
  expect(promptsPerStep(specOf({ steps: undefined, learn: undefined, shape: undefined }, 3))).toBe(16);
});

describe('dynamic sampling', () => {
  it('asks in each round for as many prompts as lack a signal', async () => {
    const mixed = [0, 1];
    const step = [promptOf(0, [0, 0]), promptOf(1, mixed), promptOf(2, [1, 1]), promptOf(3, mixed)];
    const feedback = feedbackOf(specOf({}, 4), fake([step]), 1);
    const quota = (taken: number, round: number) => feedback.quota({ step: 0, taken, round }, signal);
    expect(await quota(0, 0)).toBe(2);
    expect(await quota(2, 1)).toBe(1);
    expect(await quota(3, 2)).toBe(1);
    expect(await quota(4, 3)).toBe(0);
  });

  it('ends with the last round, whatever it found', async () => {
    const feedback = feedbackOf(specOf({}, 2), fake([[promptOf(0, [0]), promptOf(1, [0]), promptOf(2, [0])]]), 1);
    expect(await feedback.quota({ step: 0, taken: 3, round: 2 }, signal)).toBe(0);
  });

  it('never asks for more than the step has places', () => {
    const rewards = fc.array(fc.constantFrom([0, 0], [0, 1]), { minLength: 8, maxLength: 8 });
    return fc.assert(
      fc.asyncProperty(rewards, fc.integer({ min: 2, max: 4 }), async (all, rounds) => {
        const prompts = all.map((one, i) => promptOf(i, one));
        const feedback = feedbackOf(specOf({}, rounds), fake([prompts]), 1);
        let taken = 0;
        for (let round = 0; ; round++) {
          const quota = await feedback.quota({ step: 0, taken, round }, signal);
          if (quota === 0) break;
          taken += quota;
        }
        const signals = prompts.slice(0, taken).filter((one) => new Set(one.rewards).size > 1).length;
        expect(taken).toBeGreaterThanOrEqual(2);
        expect(taken).toBeLessThanOrEqual(2 * rounds);
        expect(signals).toBeLessThanOrEqual(2);
      }),
    );
  });
});

describe('a curriculum', () => {
  it('knows of a step what every run does: the verdicts before the steps that are written ahead', async () => {
    const steps = [[promptOf(0, [1, 1], 's0')], [promptOf(2, [1, 1], 's2')], [promptOf(4, [1, 1], 's4')]];
    const judgements = fake(steps);
    const prompts = { file: 'sums.jsonl', curriculum: { share: 0.001 } };
    const { prepare, accepts } = feedbackOf(specOf({ prompts }), judgements, 2);
    const asked = () => ['s0', 's2', 's4'].filter((id) => ['0', '1', '2', '3'].every((turn) => accepts(id, turn)));
    await prepare(2, signal);
    expect(asked()).toEqual(['s0', 's2', 's4']);
    await prepare(3, signal);
    expect(asked()).toEqual(['s2', 's4']);
    await prepare(4, signal);
    expect(asked()).toEqual(['s4']);
    expect(judgements.asked).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });
});
