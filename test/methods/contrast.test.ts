import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContrastSettings, contrast } from '../../src/methods/contrast.js';
import { grpo } from '../../src/methods/grpo.js';
import type { JudgedSample } from '../../src/methods/method.js';
import { groupOf, groups, judged, nth } from './groups.js';

/** Weights of each completion's tokens: token advantage over advantage. */
const weightsOf = (settings: ContrastSettings, ...samples: readonly JudgedSample[]) =>
  contrast(settings)
    .shape(groupOf(...samples), 0)
    .map(({ advantage, tokenAdvantages }) => Array.from(tokenAdvantages, (a) => Number((a / advantage).toFixed(9))));

describe('contrast', () => {
  const sample = (reward: number, own: readonly number[], other: readonly number[]) =>
    judged(
      reward,
      own.map(() => -1),
      own,
      { contrastLogprobs: other },
    );

  it('asks for the teacher under the own context and under another', () => {
    expect(contrast().teacher).toEqual({
      scores: 'sampled',
      model: 'self',
      context: 'privileged',
      contrast: 'shuffled',
    });
  });

  it('credits what the own context supports in a good completion, and blames what it opposes in a bad one', () => {
    const tokens = [
      [-1, 0, -4, -0.5],
      [-1, -3, -1, -1.5],
    ] as const;
    const settings = { floor: 0.2, saturation: 2 };
    expect(weightsOf(settings, sample(1, ...tokens), sample(0, ...tokens))).toEqual([
      [0.2, 1, 0.2, 0.6],
      [0.2, 0.2, 1, 0.2],
    ]);
  });

  it('takes contexts that both rule a token out as silent, and infinite contrasts as the largest', () => {
    const out = Number.NEGATIVE_INFINITY;
    expect(weightsOf({ floor: 0 }, sample(1, [out, -1, out], [out, out, -1]), sample(0, [-1], [-1]))).toEqual([
      [0, 1, 0],
      [0],
    ]);
  });

  it('gives uniform credit without another context, and none in a group of equal rewards', () => {
    const unscored = groupOf(judged(1, [-1, -1], [-1, -2]), judged(0, [-1], [-1]));
    expect(contrast().shape(unscored, 0)).toEqual(grpo().shape(unscored, 0));
    const equal = groupOf(sample(1, [-1], [-5]), sample(1, [-1], [-5]));
    expect(
      contrast()
        .shape(equal, 0)
        .map(({ tokenAdvantages }) => [...tokenAdvantages]),
    ).toEqual([[0], [0]]);
  });

  it('tells how much credit is left', () => {
    const [shaped] = contrast({ floor: 0.1, saturation: 2 }).shape(
      groupOf(sample(1, [-1, 0, 0], [-1, -2, -1]), sample(0, [-1], [-1])),
      0,
    );
    expect(shaped?.stats).toEqual({
      meanWeight: expect.closeTo((0.1 + 1 + 0.55) / 3, 9),
      meanWeightPositive: expect.closeTo((0.1 + 1 + 0.55) / 3, 9),
      silenced: 1 / 3,
    });
  });

  it('never turns the direction of the reward, nor gives more than it', () => {
    fc.assert(
      fc.property(groups, fc.double({ min: 0, max: 1, noNaN: true }), (group, floor) => {
        const contrasted = {
          samples: group.samples.map((one) => ({ ...one, contrastLogprobs: one.studentLogprobs })),
        };
        const uniform = grpo().shape(group, 0);
        for (const [i, { tokenAdvantages }] of contrast({ floor }).shape(contrasted, 0).entries())
          for (const [t, value] of tokenAdvantages.entries()) {
            const most = nth([...nth(uniform, i).tokenAdvantages], t);
            expect(Math.abs(value)).toBeLessThanOrEqual(Math.abs(most) + 1e-12);
            expect(Math.abs(value)).toBeGreaterThanOrEqual(floor * Math.abs(most) - 1e-12);
            expect(value * most).toBeGreaterThanOrEqual(0);
          }
      }),
    );
  });

  it.each([{ floor: 2 }, { floor: -1 }, { saturation: 0 }])('refuses %j', (settings) => {
    expect(() => contrast(settings)).toThrow(/contrast/);
  });
});
