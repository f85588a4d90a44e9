import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grpo } from '../../src/methods/grpo.js';
import { grpoOpsd } from '../../src/methods/grpo-opsd.js';
import type { JudgedSample, Method } from '../../src/methods/method.js';
import { opd } from '../../src/methods/opd.js';
import { opsd } from '../../src/methods/opsd.js';
import { sdpo } from '../../src/methods/sdpo.js';
import type { DistillationTargets } from '../../src/records/distillation.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';
import { groupOf, groups, judged, nth } from './groups.js';

const targets = (tokens: number, k = 2): DistillationTargets => ({
  k,
  topIds: Int32Array.from({ length: tokens * k }, (_, i) => i % k),
  topLogprobs: new Float32Array(tokens * k).fill(-1),
  tailLogprobs: new Float32Array(tokens).fill(-2),
});
const scored = (reward: number): JudgedSample => judged(reward, [-1, -2], null, { teacherTop: targets(2) });

describe.each<[string, Method, Method['teacher']]>([
  ['opsd', opsd(), { scores: 'topK', k: 'all', model: 'self', context: 'privileged' }],
  ['grpo+opsd', grpoOpsd({ k: 5 }), { scores: 'topK', k: 5, model: 'self', context: 'privileged' }],
  ['opd', opd({ scores: 'distribution' }), { scores: 'topK', k: 20, model: 'separate', context: 'none' }],
  ['sdpo', sdpo(), { scores: 'topK', k: 20, model: 'self', context: 'siblings' }],
])('%s', (name, method, teacher) => {
  it('asks for the distribution that its loss reads, of groups of equal rewards, too', () => {
    expect(method).toMatchObject({ name, teacher, usesUniformGroups: true });
    expect(method.loss.inputs).toContain('targetTopLogprobs');
  });

  it("hands the teacher's distribution to the learner", () => {
    for (const { distillation } of method.shape(groupOf(scored(1), scored(0)), 0))
      expect(distillation).toEqual(targets(2));
  });
});

describe.each<[string, Method]>([
  ['opsd', opsd({ scores: 'sampled' })],
  ['opd', opd()],
  ['sdpo', sdpo({ scores: 'sampled' })],
])('%s from sampled scores', (_, method) => {
  it('trains with the policy loss on the difference of log-probabilities, at most 10 either way', () => {
    expect(method.loss.name).toBe('clippedPolicy');
    fc.assert(
      fc.property(groups, (group) => {
        for (const [i, { advantage, tokenAdvantages }] of method.shape(group, 0).entries()) {
          const { mask, teacherLogprobs, studentLogprobs } = nth(group.samples, i);
          expect(advantage).toBe(0);
          for (const [t, value] of tokenAdvantages.entries()) {
            const delta = nth(teacherLogprobs ?? [], t) - nth(studentLogprobs, t);
            expect(value).toBeCloseTo(mask[t] ? Math.min(10, Math.max(-10, delta)) : 0, 12);
          }
        }
      }),
    );
  });

  it('counts a token that the teacher rules out as the largest difference', () => {
    const [shaped] = method.shape(groupOf(judged(1, [-1], [Number.NEGATIVE_INFINITY])), 0);
    expect(shaped?.tokenAdvantages).toEqual(Float64Array.of(-10));
  });
});

describe('grpo+opsd', () => {
  it("has GRPO's advantages, and the sum of both losses", () => {
    const method = grpoOpsd({ coefficient: 0.25 });
    expect(method.loss.name).toBe('clippedPolicy+0.25*distillation');
    const group = groupOf(scored(1), scored(0), scored(0));
    const tokens = (shaped: ReturnType<Method['shape']>) => shaped.map(({ tokenAdvantages }) => tokenAdvantages);
    expect(tokens(method.shape(group, 0))).toEqual(tokens(grpo().shape(group, 0)));
  });

  it('adds the sampled estimate to the advantage', () => {
    const method = grpoOpsd({ coefficient: 0.5, scores: 'sampled', scale: 'center' });
    const [good] = method.shape(groupOf(judged(1, [-1], [-0.4]), judged(0, [-1], [-1])), 0);
    expect(good?.tokenAdvantages[0]).toBeCloseTo(0.5 + 0.5 * 0.6, 12);
  });
});

describe('sdpo', () => {
  const verdicts = (rewards: readonly number[]) =>
    rewards.map((reward, i) => ({
      ...verdictOf(rolloutOf(promptOf(0), i, rewards.length), reward),
      completion: `answer ${i}`,
      reason: `reason ${i}`,
    }));
  const seen = (rewards: readonly number[], i: number, method = sdpo()) => {
    const group = verdicts(rewards);
    return method.siblingContext?.(group, nth(group, i))?.text;
  };

  it('shows the next successful sibling, never the sample itself, and the reason for a failure', () => {
    expect(seen([1, 0, 1], 0)).toBe('A correct solution:\nanswer 2');
    expect(seen([1, 0, 1], 1)).toBe('A correct solution:\nanswer 2\n\nWhat is wrong with an attempt: reason 1');
    expect(seen([1, 0, 1], 2)).toBe('A correct solution:\nanswer 0');
  });

  it('has nothing to show without a sibling or feedback, and then trains on nothing', () => {
    expect(seen([1, 0], 0)).toBeUndefined();
    expect(seen([0, 0], 0, sdpo({ feedback: false }))).toBeUndefined();
    const [shaped] = sdpo().shape(groupOf(judged(0, [-1, -1], null)), 0);
    expect(shaped).toMatchObject({ tokenWeights: Float32Array.of(0, 0), stats: { taught: 0 } });
    expect(shaped?.distillation?.topIds).toHaveLength(40);
  });
});
