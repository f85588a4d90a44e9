import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contrast } from '../../src/methods/contrast.js';
import { grpoOpsd } from '../../src/methods/grpo-opsd.js';
import type { JudgedGroup, Method } from '../../src/methods/method.js';
import { rlcsd } from '../../src/methods/rlcsd.js';
import { groups, nth } from './groups.js';

/** `(r - mean) / (sd + 1e-6)`, sd with n - 1, written again from the GRPO paper. */
function advantagesOf({ samples }: JudgedGroup): number[] {
  const rewards = samples.map(({ reward }) => reward);
  const n = rewards.length;
  const mean = rewards.reduce((a, b) => a + b) / n;
  const spread = Math.sqrt(rewards.reduce((sum, reward) => sum + (reward - mean) * (reward - mean), 0) / (n - 1));
  return rewards.map((reward) => (n > 1 && spread > 0 ? (reward - mean) / (spread + 1e-6) : 0));
}

const clamp = (low: number, value: number, high: number) => (value < low ? low : value > high ? high : value);

interface Token {
  readonly advantage: number;
  readonly student: number;
  readonly teacher: number;
  readonly other: number;
}

/** Groups in which the student's scores serve as those under the other context. */
const contrasted = groups.map(
  ({ samples }): JudgedGroup => ({
    samples: samples.map((sample, i) => ({
      ...sample,
      contrastLogprobs: Array.from(nth(samples, (i + 1) % samples.length).mask, (_, t) => -t)
        .concat(Array(8).fill(-2.5))
        .slice(0, sample.mask.length),
    })),
  }),
);

it.each<[string, (lambda: number, high: number) => Method, (token: Token, lambda: number, high: number) => number]>([
  [
    'rlcsd',
    (lambda, high) => rlcsd({ lambda, weightClip: [0.1, high] }),
    ({ advantage, teacher, other }, lambda, high) => {
      const weight = clamp(0.1, Math.exp(Math.sign(advantage) * (teacher - other)), high);
      return advantage * (1 - lambda + lambda * weight);
    },
  ],
  [
    'contrast',
    (lambda, high) => contrast({ floor: lambda, saturation: high }),
    ({ advantage, teacher, other }, lambda, high) =>
      advantage * (lambda + ((1 - lambda) * clamp(0, Math.sign(advantage) * (teacher - other), high)) / high),
  ],
  [
    'grpo+opsd, sampled',
    (lambda) => grpoOpsd({ coefficient: lambda + 0.1, scores: 'sampled' }),
    ({ advantage, student, teacher }, lambda) => advantage + (lambda + 0.1) * clamp(-10, teacher - student, 10),
  ],
])('%s is what its definition says, on random groups', (_, create, definition) => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const bound = fc.double({ min: 1, max: 9, noNaN: true });
  fc.assert(
    fc.property(contrasted, share, bound, (group, lambda, high) => {
      const advantages = advantagesOf(group);
      for (const [i, { tokenAdvantages }] of create(lambda, high).shape(group, 0).entries()) {
        const { mask, studentLogprobs, teacherLogprobs, contrastLogprobs } = nth(group.samples, i);
        const advantage = nth(advantages, i);
        for (const [t, found] of tokenAdvantages.entries()) {
          const scores = { student: studentLogprobs, teacher: teacherLogprobs ?? [], other: contrastLogprobs ?? [] };
          const [student, teacher, other] = [nth(scores.student, t), nth(scores.teacher, t), nth(scores.other, t)];
          const expected = nth(mask, t) ? definition({ advantage, student, teacher, other }, lambda, high) : 0;
          expect(Math.abs(found - expected)).toBeLessThan(1e-9);
        }
      }
    }),
    { numRuns: 100 },
  );
});
