import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupAdvantages } from '../../src/methods/advantage.js';
import { shapeLine } from '../../src/methods/shape-line.js';
import { grpo, rlsd, type ShapeSample, scheduleAt } from '../../src/methods/shapers.js';

const sample = (reward: number, student: number[], teacher: number[] | null, mask?: number[]): ShapeSample => ({
  id: 'p/0',
  reward,
  studentLogprobs: student,
  teacherLogprobs: teacher,
  mask: mask ?? student.map(() => 1),
});

describe('groupAdvantages', () => {
  it('divides by the sample standard deviation', () => {
    const [good, bad] = groupAdvantages([1, 0]);
    expect(good).toBeCloseTo(0.5 / (Math.SQRT1_2 + 1e-6), 12);
    expect(bad).toBe(-(good ?? 0));
  });
  it('only centres when asked', () => expect(groupAdvantages([1, 0, 0, 1], 'center')).toEqual([0.5, -0.5, -0.5, 0.5]));
  it('is exactly 0 for a group of one and for equal rewards', () => {
    expect(groupAdvantages([0.7])).toEqual([0]);
    expect(groupAdvantages([0.1, 0.1, 0.1])).toEqual([0, 0, 0]);
  });
  it('sums to 0 and keeps the order of the rewards', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 16 }), (rewards) => {
        const advantages = groupAdvantages(rewards);
        expect(Math.abs(advantages.reduce((a, b) => a + b, 0))).toBeLessThan(1e-6);
        rewards.forEach((r, i) => {
          rewards.forEach((s, j) => {
            if (r > s) expect(advantages[i]).toBeGreaterThanOrEqual(advantages[j] ?? 0);
          });
        });
      }),
    );
  });
});

describe('scheduleAt', () => {
  const schedule = { from: 0.5, to: 0, over: 50 };
  it.each([
    [0, 0.5],
    [25, 0.25],
    [50, 0],
    [51, 0],
  ])('at step %i is %f', (step, value) => expect(scheduleAt(schedule, step)).toBe(value));
});

describe('rlsd', () => {
  const wide = rlsd({ lambda: 1, clip: [0.8, 2] });
  it('gives a supported token of a good answer more credit, and of a bad one less blame', () => {
    const [good, bad] = wide.shape([sample(1, [-1, -1], [-0.5, -1]), sample(0, [-1, -1], [-0.9, -1])], 0);
    const [a = 0, b = 0] = good?.tokenAdvantages ?? [];
    expect(a / b).toBeCloseTo(Math.exp(0.5), 6);
    const [c = 0, d = 0] = bad?.tokenAdvantages ?? [];
    expect(c / d).toBeCloseTo(Math.exp(-0.1), 6);
  });
  it('takes a teacher that gives no probability at all: the weight clips', () => {
    const [good, bad] = wide.shape(
      [sample(1, [-1], [Number.NEGATIVE_INFINITY]), sample(0, [-1], [Number.NEGATIVE_INFINITY])],
      0,
    );
    expect((good?.tokenAdvantages[0] ?? 0) / (good?.advantage ?? 1)).toBeCloseTo(0.8, 12);
    expect((bad?.tokenAdvantages[0] ?? 0) / (bad?.advantage ?? 1)).toBeCloseTo(2, 12);
  });
  it('leaves good answers alone with negativeOnly', () => {
    const shaper = rlsd({ lambda: 1, clip: [0.8, 2], negativeOnly: true });
    const [good, bad] = shaper.shape([sample(1, [-1], [-0.5]), sample(0, [-1], [-0.9])], 0);
    expect(good?.tokenAdvantages[0]).toBe(good?.advantage);
    expect(bad?.tokenAdvantages[0]).not.toBe(bad?.advantage);
  });
  it('reweights inside the span only', () => {
    const [good] = wide.shape([{ ...sample(1, [-1, -1], [-0.5, -0.5]), span: [0, 1] }, sample(0, [-1], [-1])], 0);
    expect(good?.tokenAdvantages[0]).toBe(good?.advantage);
    expect(good?.tokenAdvantages[1]).not.toBe(good?.advantage);
  });
  it.each([
    ['a NaN', sample(1, [-1], [Number.NaN])],
    ['a missing score', sample(1, [-1, -1], [-1])],
    ['no teacher', sample(1, [-1], null)],
    ['a student that is not finite', sample(1, [Number.NEGATIVE_INFINITY], [-1])],
    ['a mask of another length', sample(1, [-1], [-1], [1, 1])],
    ['a reward that is no number', sample(Number.NaN, [-1], [-1])],
  ])('names the sample on %s', (_, broken) => {
    expect(() => wide.shape([broken, { ...sample(0, [-1], [-1]), id: 'p/1' }], 0)).toThrow(
      /sample p\/0: found .*expected/,
    );
  });
  it.each([
    { clip: 0 },
    { clip: 1 },
    { clip: [0.8, 0.9] as const },
    { clip: [0.8, Number.POSITIVE_INFINITY] as const },
    { lambda: 1.5 },
    { lambda: { from: 0.5, to: 0, over: 0 } },
  ])('refuses %o', (settings) => expect(() => rlsd(settings as object)).toThrow(/shape\.rlsd\./));
  const logprob = fc.double({ min: -20, max: 0, noNaN: true });
  const groups = fc
    .array(
      fc.tuple(
        fc.constantFrom(0, 1),
        fc.array(fc.tuple(logprob, logprob, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 8 }),
      ),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    .map((completions) =>
      completions.map(([reward, tokens], i) => ({
        ...sample(
          reward,
          tokens.map(([s]) => s),
          tokens.map(([, t]) => t),
          tokens.map(([, , m]) => m),
        ),
        id: `p/${i}`,
      })),
    );
  it('is what the definition says, token by token, at any step of a schedule, for any bounds and either scale', () => {
    const settings = fc.record({
      lambda: fc.record({
        from: fc.double({ min: 0, max: 1, noNaN: true }),
        to: fc.double({ min: 0, max: 1, noNaN: true }),
        over: fc.integer({ min: 1, max: 80 }),
      }),
      clip: fc.oneof(
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 1, max: 9, noNaN: true })),
      ),
      negativeOnly: fc.boolean(),
      scale: fc.constantFrom('std' as const, 'center' as const),
    });
    fc.assert(
      fc.property(groups, settings, fc.integer({ min: 0, max: 100 }), (group, options, step) => {
        const { from, to, over } = options.lambda;
        const lambda = from + (to - from) * Math.min(1, step / over);
        const [low, high] = typeof options.clip === 'number' ? [1 - options.clip, 1 + options.clip] : options.clip;
        const mean = group.reduce((sum, { reward }) => sum + reward, 0) / group.length;
        const variance = group.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / (group.length - 1);
        const divisor = options.scale === 'std' ? Math.sqrt(variance) + 1e-6 : 1;
        rlsd(options)
          .shape(group, step)
          .forEach(({ advantage, tokenAdvantages }, i) => {
            const { reward, studentLogprobs, teacherLogprobs, mask } = group[i] as (typeof group)[number];
            const a = group.length === 1 ? 0 : (reward - mean) / divisor;
            expect(advantage).toBeCloseTo(a, 9);
            const share = options.negativeOnly && a > 0 ? 0 : lambda;
            for (const [t, found] of tokenAdvantages.entries()) {
              const weight = Math.exp(Math.sign(a) * ((teacherLogprobs?.[t] ?? 0) - (studentLogprobs[t] ?? 0)));
              const bounded = weight < low ? low : weight > high ? high : weight;
              expect(found).toBeCloseTo(mask[t] ? a * (1 - share + share * bounded) : 0, 9);
            }
          });
      }),
    );
  });
  it('is 0 in a group of one and of equal rewards, whatever the teacher says', () => {
    const absurd = [Number.NEGATIVE_INFINITY, -700];
    for (const rewards of [[1], [0.5, 0.5]]) {
      const shaped = wide.shape(
        rewards.map((reward) => sample(reward, [-1, -1], absurd)),
        0,
      );
      for (const { tokenAdvantages, stats } of shaped) {
        expect([...tokenAdvantages]).toEqual([0, 0]);
        expect(stats?.clipped).toBe(0);
      }
    }
  });
  it('with lambda 0 is GRPO to the bit', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const plain = grpo()
          .shape(group, 3)
          .map(({ tokenAdvantages }) => tokenAdvantages);
        expect(
          rlsd({ lambda: 0 })
            .shape(group, 3)
            .map(({ tokenAdvantages }) => tokenAdvantages),
        ).toEqual(plain);
      }),
    );
  });
  it('never turns the sign that the reward gave, and is 0 outside the mask', () => {
    fc.assert(
      fc.property(groups, (group) => {
        rlsd({ lambda: 1, clip: [0.1, 3] })
          .shape(group, 0)
          .forEach(({ advantage, tokenAdvantages }, i) => {
            tokenAdvantages.forEach((a, t) => {
              expect(Math.sign(a)).toBe(group[i]?.mask[t] ? Math.sign(advantage) : 0);
            });
          });
      }),
    );
  });
});

describe('shapeLine', () => {
  const line = {
    id: 'a',
    rewards: [1, 0],
    studentLogprobs: [[-1], [-1]],
    teacherLogprobs: [[-0.9], [-1]],
    mask: [[1], [1]],
    step: 0,
    lambda: 1,
    clip: 0.2,
  };
  it('answers with advantages', () => {
    const shaped = shapeLine(line, 'stdin:1');
    expect(shaped.lambdaAtStep).toBe(1);
    expect(shaped.tokenAdvantages[0]?.[0]).toBeCloseTo((shaped.advantages[0] ?? 0) * Math.exp(0.1), 9);
  });
  it.each([
    [{ ...line, mask: [[1]] }, /stdin:1: mask: found 1 completions, expected 2/],
    [{ ...line, mask: [[1, 1], [1]] }, /stdin:1: sample a\/0: found .* expected/],
    [
      { ...line, teacherLogprobs: [[-1], [null]] },
      /stdin:1: sample a\/1: teacherLogprobs\.1\.0: expected a number or "-Infinity", found null/,
    ],
    [
      { ...line, teacherLogprobs: [['NaN'], [-1]] },
      /stdin:1: sample a\/0: teacherLogprobs\.0\.0: expected .*found "NaN"/,
    ],
    [{ ...line, teacherLogprobs: [[-1, -1], [-1]] }, /stdin:1: sample a\/0: found 2 teacher scores, expected 1/],
    [{ ...line, clip: [0.8, 0.9] }, /stdin:1: shape\.rlsd\.clip: found \[0\.8,0\.9\], expected/],
    [{ ...line, lamda: 1 }, /Unrecognized key: "lamda"/],
  ])('refuses %#', (bad, message) => expect(() => shapeLine(bad, 'stdin:1')).toThrow(message));

  const cases = new URL('../../../shared/cases/rlsd-shaping.jsonl', import.meta.url);
  it.runIf(existsSync(cases))('reproduces the shared vectors', () => {
    for (const text of readFileSync(cases, 'utf8').trim().split('\n')) {
      const { expected, ...input } = JSON.parse(text);
      const { id: _, ...shaped } = shapeLine(input, 'case');
      const flat = (value: typeof shaped) => [value.lambdaAtStep, ...value.advantages, ...value.tokenAdvantages.flat()];
      flat(shaped).forEach((found, i) => {
        expect(Math.abs(found - (flat(expected)[i] ?? Number.NaN))).toBeLessThanOrEqual(
          1e-6 * Math.max(1, Math.abs(found)),
        );
      });
    }
  });
});
