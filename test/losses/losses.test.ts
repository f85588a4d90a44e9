import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  checkLoss,
  clippedPolicy,
  createLoss,
  crossEntropy,
  defineLoss,
  distillation,
  evaluateLoss,
  lossDefinitions,
  referenceKl,
  sumLosses,
  withLossSettings,
} from '../../src/losses/index.js';

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const logprob = number(-20, 0);
/** Log-probabilities of k candidates and of the tail, which sum to 1. */
const distribution = (k: number) =>
  fc.array(number(1e-3, 1), { minLength: k + 1, maxLength: k + 1 }).map((masses) => {
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    return masses.map((mass) => Math.log(mass / total));
  });
const divergences = ['forwardKl', 'reverseKl', 'jensenShannon'] as const;

describe.each(lossDefinitions)('$name', (definition) => {
  it('has a gradient that matches finite differences of its value', () => {
    checkLoss(definition.create());
  });

  it('refuses settings that it does not know, and gives the same id for the same settings', () => {
    expect(definition.create().id).toBe(definition.create({}).id);
    expect(() => definition.create({ nonsense: 1 })).toThrow(`loss ${definition.name}`);
  });
});

describe('every divergence of distillation', () => {
  it.each(divergences)('%s has a gradient that matches finite differences', (divergence) => {
    checkLoss(distillation.create({ divergence, beta: 0.3 }));
    checkLoss(distillation.create({ divergence, beta: 0.3, pointClip: 0.2 }));
  });

  it.each(divergences)(
    '%s is 0 with a zero gradient where student and teacher agree, and positive elsewhere',
    (divergence) => {
      const loss = distillation.create({ divergence });
      fc.assert(
        fc.property(distribution(3), distribution(3), (student, teacher) => {
          const at = (target: readonly number[]) =>
            evaluateLoss(loss, {
              logprob: -1,
              topLogprobs: student.slice(0, 3),
              targetTopLogprobs: target.slice(0, 3),
              targetTailLogprob: target[3] ?? Number.NaN,
            });
          const same = at(student);
          expect(same.value).toBeCloseTo(0, 9);
          // Reverse KL keeps q * 1 for each bucket, which the tail's share cancels.
          for (const gradient of same.topGradient) expect(gradient).toBeCloseTo(0, 9);
          expect(at(teacher).value).toBeGreaterThan(-1e-12);
        }),
      );
    },
  );

  it.each(divergences)(
    '%s stays finite when the teacher has no tail and the student has no mass left for one',
    (divergence) => {
      const certain = { logprob: -1, topLogprobs: [0, -40], targetTopLogprobs: [0, Number.NEGATIVE_INFINITY] };
      const found = evaluateLoss(distillation.create({ divergence }), {
        ...certain,
        targetTailLogprob: Number.NEGATIVE_INFINITY,
      });
      for (const value of [found.value, ...found.topGradient]) expect(Number.isFinite(value)).toBe(true);
    },
  );
});

describe('distillation over the whole vocabulary', () => {
  const whole = (definition: { divergence: string; beta?: number; pointClip?: number }, q: number[], p: number[]) =>
    evaluateLoss(distillation.create(definition), {
      logprob: -1,
      topLogprobs: q,
      targetTopLogprobs: p,
      targetTailLogprob: Number.NEGATIVE_INFINITY,
    });
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const kl = (p: readonly number[], q: readonly number[]) => sum(p.map((a, i) => Math.exp(a) * (a - (q[i] ?? NaN))));

  it('is the textbook divergence', () => {
    fc.assert(
      fc.property(distribution(5), distribution(5), number(0.1, 0.9), (q, p, beta) => {
        const mixture = p.map((a, i) => Math.log(beta * Math.exp(a) + (1 - beta) * Math.exp(q[i] ?? Number.NaN)));
        expect(whole({ divergence: 'forwardKl' }, q, p).value).toBeCloseTo(kl(p, q), 9);
        expect(whole({ divergence: 'reverseKl' }, q, p).value).toBeCloseTo(kl(q, p), 9);
        expect(whole({ divergence: 'jensenShannon', beta }, q, p).value).toBeCloseTo(
          beta * kl(p, mixture) + (1 - beta) * kl(q, mixture),
          9,
        );
      }),
    );
  });

  it('limits what one token id adds with pointClip, and gives it no gradient beyond', () => {
    const [q, p] = [
      [Math.log(0.01), Math.log(0.99)],
      [Math.log(0.99), Math.log(0.01)],
    ];
    const { value, topGradient } = whole({ divergence: 'forwardKl', pointClip: 0.5 }, q, p);
    expect(value).toBeCloseTo(0.5 + 0.01 * Math.log(0.01 / 0.99), 9);
    expect(topGradient[0]).toBe(0);
    expect(topGradient[1]).toBeCloseTo(-0.01, 9);
  });
});

describe('clippedPolicy', () => {
  const loss = clippedPolicy.create({ clip: [0.2, 0.28] });

  it('has value -A, gradient -A and ratio 1 on policy', () => {
    fc.assert(
      fc.property(logprob, number(-5, 5), (sampled, advantage) => {
        const { value, gradient, metrics } = evaluateLoss(loss, {
          logprob: sampled,
          samplingLogprob: sampled,
          advantage,
        });
        expect(value).toBeCloseTo(-advantage, 12);
        expect(gradient).toBeCloseTo(-advantage, 12);
        expect(metrics).toEqual({ clipped: 0, meanRatio: 1, kl: 0 });
      }),
    );
  });

  it('has no gradient outside the clip range where the ratio has already moved the right way', () => {
    fc.assert(
      fc.property(number(0.3, 2), number(0.1, 5), (distance, advantage) => {
        const up = evaluateLoss(loss, { logprob: -1, samplingLogprob: -1 - distance, advantage });
        const down = evaluateLoss(loss, { logprob: -1 - distance, samplingLogprob: -1, advantage: -advantage });
        for (const found of [up, down]) expect(found).toMatchObject({ gradient: 0, metrics: { clipped: 1 } });
      }),
    );
  });

  it('estimates a KL that is never negative', () => {
    fc.assert(
      fc.property(number(-3, 0), number(-3, 0), (now, sampled) => {
        expect(evaluateLoss(loss, { logprob: now, samplingLogprob: sampled, advantage: 1 }).metrics.kl).toBeGreaterThan(
          -1e-12,
        );
      }),
    );
  });

  it('refuses a clip range that is none', () => {
    expect(() => clippedPolicy.create({ clip: [1.5, 0.2] })).toThrow('loss clippedPolicy.clip[0]');
  });
});

it('a loss whose gradient vanishes without advantage says so, whatever the rest of the token', () => {
  fc.assert(
    fc.property(fc.constantFrom(...lossDefinitions), logprob, logprob, (definition, now, sampled) => {
      const loss = definition.create();
      if (!loss.needsAdvantage) return;
      expect(evaluateLoss(loss, { logprob: now, samplingLogprob: sampled, advantage: 0 }).gradient).toBeCloseTo(0, 12);
    }),
  );
});

describe('a sum of losses', () => {
  const sum = sumLosses([
    [1, clippedPolicy.create()],
    [0.1, referenceKl.create()],
    [0.5, distillation.create()],
  ]);

  it('adds values and gradients by their coefficients, and keeps all metrics', () => {
    const token = {
      logprob: -1,
      samplingLogprob: -1.1,
      referenceLogprob: -2,
      advantage: 1.5,
      topLogprobs: [-1, -2],
      targetTopLogprobs: [-0.7, -1.5],
      targetTailLogprob: -1.3,
    };
    const [policy, kl, teacher] = [clippedPolicy, referenceKl, distillation].map((one) =>
      evaluateLoss(one.create(), token),
    );
    if (!policy || !kl || !teacher) throw new Error('three losses expected');
    const found = evaluateLoss(sum, token);
    expect(found.value).toBeCloseTo(policy.value + 0.1 * kl.value + 0.5 * teacher.value, 12);
    expect(found.gradient).toBeCloseTo(policy.gradient + 0.1 * kl.gradient, 12);
    expect(found.topGradient).toEqual(teacher.topGradient.map((value) => 0.5 * value));
    expect(Object.keys(found.metrics)).toEqual(['clipped', 'meanRatio', 'kl', 'referenceKl', 'distillation']);
    checkLoss(sum);
  });

  it('reads what its parts read', () => {
    expect(sum.name).toBe('clippedPolicy+0.1*referenceKl+0.5*distillation');
    expect(new Set(sum.inputs)).toEqual(
      new Set(['samplingLogprobs', 'tokenAdvantages', 'referenceLogprobs', 'targetTopLogprobs', 'targetTailLogprobs']),
    );
    expect(sum.readsTop).toBe(true);
    expect(sum.needsAdvantage).toBe(false);
    expect(crossEntropy.create().inputs).toEqual([]);
  });

  it('refuses two parts with the same metric', () => {
    const kl = referenceKl.create();
    expect(() =>
      sumLosses([
        [1, kl],
        [1, kl],
      ]),
    ).toThrow('metric referenceKl');
  });

  it('takes other settings for one part', () => {
    const other = withLossSettings(sum, 'clippedPolicy', { clip: [0.1, 0.1] });
    expect(other.id).not.toBe(sum.id);
    expect(withLossSettings(other, 'clippedPolicy', { clip: [0.2, 0.28] }).id).toBe(sum.id);
    expect(withLossSettings(sum, 'absent', { clip: [0.1, 0.1] }).id).toBe(sum.id);
  });
});

describe('a loss with a mistake', () => {
  const broken = (gradient: number, needsAdvantage: boolean) =>
    defineLoss({
      name: 'mine',
      summary: '',
      settings: z.strictObject({}),
      needsAdvantage,
      build: (e, at) => ({ value: e.neg(at.logprobs), gradient: { logprobs: e.constant(gradient) }, metrics: {} }),
    }).create();

  it('is refused where its gradient is not that of its value', () => {
    expect(() => checkLoss(broken(1, false))).toThrow(/loss mine: gradient.logprobs is 1 where .* -1/);
  });

  it('is refused where it says that it needs advantages and does not', () => {
    expect(() => checkLoss(broken(-1, true))).toThrow('needsAdvantage is true');
  });
});

it('an unknown name suggests the nearest one', () => {
  expect(() => createLoss('clippedPolicies')).toThrow('did you mean clippedPolicy?');
  expect(createLoss('crossEntropy').name).toBe('crossEntropy');
});
