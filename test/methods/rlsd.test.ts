import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grpo } from '../../src/methods/grpo.js';
import type { JudgedSample, ShapedSample } from '../../src/methods/method.js';
import { type RlsdSettings, rlsd } from '../../src/methods/rlsd.js';
import { groupOf, groups, judged, nth } from './groups.js';

/** Advantage of a token over that of its sample. */
const weight = ({ tokenAdvantages, advantage }: ShapedSample, t: number): number => nth(tokenAdvantages, t) / advantage;

describe('rlsd', () => {
  const wide = rlsd({ lambda: 1, weightClip: [0.8, 2] });
  const shapeTwo = (method: typeof wide, ...samples: JudgedSample[]) => {
    const shaped = method.shape(groupOf(...samples), 0);
    return [nth(shaped, 0), nth(shaped, 1)] as const;
  };

  it('asks for sampled scores of the policy itself with privileged context', () => {
    expect(wide.teacher).toEqual({ scores: 'sampled', model: 'self', context: 'privileged' });
  });

  it('keeps its id, which records of earlier runs name', () => {
    expect(rlsd().id).toBe('rlsd@8d41f870dae1b356');
    expect(wide.id).toBe('rlsd@43bed1c3aa9dfe16');
    expect(rlsd({ spanOnly: ['<think>', '</think>'] }).id).not.toBe(rlsd().id);
  });

  it('gives a supported token of a good answer more credit, and of a bad one less blame', () => {
    const [good, bad] = shapeTwo(wide, judged(1, [-1, -1], [-0.5, -1]), judged(0, [-1, -1], [-0.9, -1]));
    expect(weight(good, 0) / weight(good, 1)).toBeCloseTo(Math.exp(0.5), 6);
    expect(weight(bad, 0) / weight(bad, 1)).toBeCloseTo(Math.exp(-0.1), 6);
  });

  it('clips the weight where the teacher gives a token no probability', () => {
    const never = [Number.NEGATIVE_INFINITY];
    const [good, bad] = shapeTwo(wide, judged(1, [-1], never), judged(0, [-1], never));
    expect(weight(good, 0)).toBeCloseTo(0.8, 12);
    expect(weight(bad, 0)).toBeCloseTo(2, 12);
  });

  it('leaves good answers alone with negativeOnly', () => {
    const method = rlsd({ lambda: 1, weightClip: [0.8, 2], negativeOnly: true });
    const [good, bad] = shapeTwo(method, judged(1, [-1], [-0.5]), judged(0, [-1], [-0.9]));
    expect(weight(good, 0)).toBe(1);
    expect(weight(bad, 0)).not.toBe(1);
  });

  it('reweights only between the markers of spanOnly', () => {
    const method = rlsd({ lambda: 1, weightClip: [0.8, 2], spanOnly: ['<', '>'] });
    const words = ['a', '<', 'b', '>', 'c'];
    const decode = (tokens: Int32Array) => Array.from(tokens, (id) => nth(words, id)).join('');
    const [student, teacher] = [words.map(() => -1), words.map(() => -0.5)];
    const group = groupOf(judged(1, student, teacher), judged(0, [-1], [-1]));
    const good = nth(method.shape({ ...group, decode }, 0), 0);
    expect(words.map((_, t) => weight(good, t) === 1)).toEqual([true, true, false, true, true]);
    expect(() => method.shape(group, 0)).toThrow(/sample p\/0: shape\.rlsd\.spanOnly looks for markers/);
  });

  it.each<[string, JudgedSample]>([
    ['a NaN', judged(1, [-1], [Number.NaN])],
    ['a missing score', judged(1, [-1, -1], [-1])],
    ['no teacher', judged(1, [-1], null)],
    ['a student score that is not finite', judged(1, [Number.NEGATIVE_INFINITY], [-1])],
    ['a mask of another length', judged(1, [-1], [-1], { mask: [1, 1] })],
    ['a reward that is not a number', judged(Number.NaN, [-1], [-1])],
  ])('names the sample on %s', (_, broken) => {
    expect(() => wide.shape(groupOf(broken, judged(0, [-1], [-1])), 0)).toThrow(/sample p\/0: found .*expected/);
  });

  it.each<[RlsdSettings, RegExp]>([
    [{ weightClip: 0 }, /shape\.rlsd\.weightClip: found 0; expected a number above 0$/],
    [{ weightClip: 1 }, /shape\.rlsd\.weightClip: found 1; expected/],
    [{ weightClip: [0.8, 0.9] }, /shape\.rlsd\.weightClip\[1\]: found 0\.9; expected a number of at least 1$/],
    [
      { weightClip: [0.8, Number.POSITIVE_INFINITY] },
      /shape\.rlsd\.weightClip\[1\]: found Infinity; expected a number/,
    ],
    [{ lambda: 1.5 }, /shape\.rlsd\.lambda: found 1\.5; expected a number of at most 1$/],
    [{ lambda: { from: 0.5, to: 0, over: 0 } }, /shape\.rlsd\.lambda\.over: found 0; expected a number above 0$/],
  ])('refuses %o', (settings, message) => expect(() => rlsd(settings)).toThrow(message));

  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const settings = fc.record({
    lambda: fc.record({ from: share, to: share, over: fc.integer({ min: 1, max: 80 }) }),
    weightClip: fc.oneof(
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.tuple(share, fc.double({ min: 1, max: 9, noNaN: true })),
    ),
    negativeOnly: fc.boolean(),
    scale: fc.constantFrom('std' as const, 'center' as const),
  });

  it('is what the definition says, token by token, at any step, for any bounds and either scale', () => {
    fc.assert(
      fc.property(groups, settings, fc.integer({ min: 0, max: 100 }), (group, options, step) => {
        const { samples } = group;
        const { from, to, over } = options.lambda;
        const lambda = from + (to - from) * Math.min(1, step / over);
        const { weightClip: clip } = options;
        const [low, high] = typeof clip === 'number' ? [1 - clip, 1 + clip] : clip;
        const mean = samples.reduce((sum, { reward }) => sum + reward, 0) / samples.length;
        const variance = samples.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / (samples.length - 1);
        const divisor = options.scale === 'std' ? Math.sqrt(variance) + 1e-6 : 1;
        for (const [i, { advantage, tokenAdvantages }] of rlsd(options).shape(group, step).entries()) {
          const { reward, studentLogprobs, teacherLogprobs, mask } = nth(samples, i);
          const a = samples.length === 1 ? 0 : (reward - mean) / divisor;
          expect(advantage).toBeCloseTo(a, 9);
          const applied = options.negativeOnly && a > 0 ? 0 : lambda;
          for (const [t, found] of tokenAdvantages.entries()) {
            const ratio = Math.exp(Math.sign(a) * (nth(teacherLogprobs ?? [], t) - nth(studentLogprobs, t)));
            const bounded = ratio < low ? low : ratio > high ? high : ratio;
            expect(found).toBeCloseTo(mask[t] ? a * (1 - applied + applied * bounded) : 0, 9);
          }
        }
      }),
    );
  });

  it('is 0 in a group of one and of equal rewards, whatever the teacher says', () => {
    const absurd = [Number.NEGATIVE_INFINITY, -700];
    for (const rewards of [[1], [0.5, 0.5]])
      for (const teacher of [absurd, null]) {
        const group = groupOf(...rewards.map((reward) => judged(reward, [-1, -1], teacher)));
        for (const { tokenAdvantages, stats } of wide.shape(group, 0)) {
          expect([...tokenAdvantages]).toEqual([0, 0]);
          expect(stats.clippedWeights).toBe(teacher ? 0 : undefined);
        }
      }
  });

  it('with lambda 0 is GRPO to the bit', () => {
    const tokens = (shaped: readonly ShapedSample[]) => shaped.map(({ tokenAdvantages }) => tokenAdvantages);
    fc.assert(
      fc.property(groups, (group) => {
        expect(tokens(rlsd({ lambda: 0 }).shape(group, 3))).toEqual(tokens(grpo().shape(group, 3)));
      }),
    );
  });

  it('never flips the sign of the reward, and is 0 outside the mask', () => {
    const method = rlsd({ lambda: 1, weightClip: [0.1, 3] });
    fc.assert(
      fc.property(groups, (group) => {
        for (const [i, { advantage, tokenAdvantages }] of method.shape(group, 0).entries()) {
          const { mask } = nth(group.samples, i);
          const signs = Array.from(mask, (m) => (m ? Math.sign(advantage) : 0));
          expect(Array.from(tokenAdvantages, Math.sign)).toEqual(signs);
        }
      }),
    );
  });

  it('reports the share of the teacher, the clipped weights and the mean difference', () => {
    const group = groupOf(judged(1, [-1, -1], [-0.9, -5]), judged(0, [-1], [-1]));
    const { stats } = nth(wide.shape(group, 0), 0);
    expect(stats.lambda).toBe(1);
    expect(stats.clippedWeights).toBe(0.5);
    expect(stats.teacherStudentDelta).toBeCloseTo((0.1 - 4) / 2, 12);
    expect(stats.clippedWeightsPositive).toBe(0.5);
    expect(stats.clippedWeightsNegative).toBeUndefined();
  });

  it('with preserveMass moves credit between tokens and keeps its sum', () => {
    const method = rlsd({ lambda: 1, weightClip: [0.2, 5], preserveMass: true });
    const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);
    fc.assert(
      fc.property(groups, (group) => {
        for (const [i, { advantage, tokenAdvantages }] of method.shape(group, 0).entries())
          expect(sum(tokenAdvantages)).toBeCloseTo(advantage * sum(nth(group.samples, i).mask), 9);
      }),
    );
  });

  it('with preserveMass gives uniform credit where every weight is 0', () => {
    const method = rlsd({ lambda: 1, weightClip: [0, 2], preserveMass: true });
    const never = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const [good] = method.shape(groupOf(judged(1, [-1, -1], never), judged(0, [-1], [-1])), 0);
    expect(good?.tokenAdvantages.every((value) => value === good.advantage)).toBe(true);
  });

  it("compares with the teacher under another prompt's context with against: shuffled", () => {
    const method = rlsd({ lambda: 1, weightClip: [0.1, 9], against: 'shuffled' });
    expect(method.teacher.contrast).toBe('shuffled');
    const group = groupOf(
      judged(1, [-3, -3], [-0.5, -1], { contrastLogprobs: [-1, -1] }),
      judged(0, [-1], [-1], { contrastLogprobs: [-1] }),
    );
    const good = nth(method.shape(group, 0), 0);
    expect(weight(good, 0)).toBeCloseTo(Math.exp(0.5), 9);
    expect(weight(good, 1)).toBe(1);
  });

  it('masks completions that the token limit cut off, and counts their rewards', () => {
    const method = rlsd({ lambda: 0, overlong: 'mask' });
    const group = groupOf(judged(1, [-1], [-1]), judged(0, [-1], [-1], { truncated: true }));
    const [whole, cut] = method.shape(group, 0);
    expect(whole?.tokenAdvantages).toEqual(Float64Array.of(whole?.advantage ?? Number.NaN));
    expect(cut?.tokenAdvantages).toEqual(Float64Array.of(0));
    expect(cut?.advantage).toBe(-(whole?.advantage ?? Number.NaN));
  });
});
