import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { distillation } from '../../src/losses/distillation.js';
import { bindMethod, defineMethod } from '../../src/methods/bind.js';
import type { JudgedGroup, MethodBehavior, ShapedSample, TeacherNeed } from '../../src/methods/method.js';
import { groupOf, judged } from './groups.js';

const uniform = ({ samples }: JudgedGroup): ShapedSample[] =>
  samples.map(({ mask }) => ({ advantage: 1, tokenAdvantages: Float64Array.from(mask), stats: {} }));

const definition = (behavior: Partial<MethodBehavior> = {}) =>
  defineMethod({
    name: 'mine',
    summary: 'For tests.',
    settings: z.strictObject({ strength: z.number().min(0).default(1) }),
    statistics: { strength: 'The setting.' },
    create: (): MethodBehavior => ({
      teacher: { scores: 'none' },
      usesUniformGroups: false,
      shape: uniform,
      ...behavior,
    }),
  });
const two = groupOf(judged(1, [-1, -2], null), judged(0, [-1], null));

describe('bindMethod', () => {
  it('names the method by its settings, with defaults filled in', () => {
    const id = (settings: object) => bindMethod(definition(), settings).id;
    expect(id({})).toMatch(/^mine@[0-9a-f]{16}$/);
    expect(id({ strength: 1 })).toBe(id({}));
    expect(id({ strength: 2 })).not.toBe(id({}));
  });

  it('trains with the clipped policy loss unless the method has its own', () => {
    expect(bindMethod(definition(), {}).loss.name).toBe('clippedPolicy');
    expect(bindMethod(definition({ loss: distillation.create() }), {}).loss.name).toBe('distillation');
  });

  it('names a method from a module by the content of the module, too', () => {
    const ids = [undefined, 'a', 'b'].map(
      (moduleHash) => bindMethod(definition(), {}, { ...(moduleHash && { moduleHash }) }).id,
    );
    expect(new Set(ids).size).toBe(3);
  });

  it.each<[unknown, RegExp]>([
    [{ strength: -1 }, /^shape\.mine\.strength: found -1; expected a number of at least 0$/],
    [{ strenght: 1 }, /^shape\.mine\.strenght: unknown field; did you mean strength\?$/],
    ['strong', /^shape\.mine: found "strong"; expected an object$/],
  ])('refuses the settings %j', (settings, message) =>
    expect(() => bindMethod(definition(), settings)).toThrow(message),
  );

  it('refuses a sign that the method declares to keep, and names the group in which a module throws', () => {
    const turned = ({ samples }: JudgedGroup): ShapedSample[] =>
      samples.map(({ mask }) => ({ advantage: -1, tokenAdvantages: Float64Array.from(mask), stats: {} }));
    const shape = (behavior: Partial<MethodBehavior>, options = {}) =>
      bindMethod(definition(behavior), {}, options).shape(two, 0);
    expect(() => shape({ shape: turned })).not.toThrow();
    expect(() => shape({ shape: turned, keepsSign: true })).toThrow(
      /^sample .*: method mine: tokenAdvantages: found 1 at token 0, expected the sign of the sample's advantage -1/,
    );
    const throws = () => {
      throw new TypeError('no luck');
    };
    expect(() => shape({ shape: throws })).toThrow(TypeError);
    expect(() => shape({ shape: throws }, { moduleHash: 'a' })).toThrow(
      /^group of sample .*: method mine: shape threw: no luck$/,
    );
  });

  it.each<[TeacherNeed, RegExp]>([
    [{ scores: 'topK', model: 'self', context: 'none' }, /method mine: teacher\.k: found undefined, expected a whole/],
    [{ scores: 'topK', k: 0, model: 'self', context: 'none' }, /teacher\.k: found 0, expected/],
    [{ scores: 'sampled', model: 'self', context: 'siblings' }, /method mine: siblingContext is missing/],
  ])('refuses the contradictory teacher %j', (teacher, message) =>
    expect(() => bindMethod(definition({ teacher }), {})).toThrow(message),
  );
});

describe('what a method returns', () => {
  const shapedBy = (change: Partial<ShapedSample>) => () =>
    bindMethod(definition({ shape: (group) => uniform(group).map((sample) => ({ ...sample, ...change })) }), {}).shape(
      two,
      0,
    );

  it('passes when it is well-formed', () => {
    expect(shapedBy({ stats: { strength: 1 } })()).toHaveLength(2);
    const { shape } = bindMethod(
      definition({
        shape: (group) =>
          uniform(group).map((sample) => ({
            ...sample,
            tokenWeights: new Float32Array(sample.tokenAdvantages.length),
          })),
      }),
      {},
    );
    expect(shape(two, 0)).toHaveLength(2);
  });

  const targets = {
    k: 1,
    topIds: new Int32Array(2),
    topLogprobs: new Float32Array(2),
    tailLogprobs: new Float32Array(2),
  };
  it.each<[string, Partial<ShapedSample>, RegExp]>([
    [
      'an advantage of NaN',
      { advantage: Number.NaN },
      /sample p\/0: method mine: advantage: found NaN, expected a finite/,
    ],
    [
      'too few token advantages',
      { tokenAdvantages: new Float64Array(1) },
      /tokenAdvantages: found 1 values, expected 2/,
    ],
    ['a NaN', { tokenAdvantages: Float64Array.of(1, Number.NaN) }, /tokenAdvantages: found NaN at token 1/],
    [
      'too many weights',
      { tokenWeights: new Float32Array(3) },
      /tokenWeights: found 3 values, expected 2, one per token/,
    ],
    [
      'an infinite reference',
      { referenceLogprobs: Float32Array.of(0, Number.NEGATIVE_INFINITY) },
      /found -Infinity at/,
    ],
    ['an undeclared statistic', { stats: { zeal: 1 } }, /stats\.zeal: is not one of the method's declared statistics/],
    ['a NaN statistic', { stats: { strength: Number.NaN } }, /stats\.strength: found NaN/],
    ['no targets', { distillation: { ...targets, k: 0 } }, /distillation\.k: found 0, expected a whole number from 1/],
    ['few targets', { distillation: { ...targets, k: 2 } }, /distillation\.topIds: found 2 values, expected 4/],
    [
      'a NaN target',
      { distillation: { ...targets, tailLogprobs: Float32Array.of(0, Number.NaN) } },
      /found a NaN log-probability/,
    ],
  ])('is refused by name with %s', (_, change, message) => expect(shapedBy(change)).toThrow(message));

  it('is refused when it trains on a masked token', () => {
    const method = bindMethod(
      definition({
        shape: ({ samples }) => samples.map(() => ({ advantage: 1, tokenAdvantages: Float64Array.of(1), stats: {} })),
      }),
      {},
    );
    expect(() => method.shape(groupOf(judged(1, [-1], null, { mask: [0] })), 0)).toThrow(
      /tokenAdvantages: found 1 at masked token 0, expected 0/,
    );
  });

  it('is refused without the distillation targets that its loss reads', () => {
    const method = bindMethod(definition({ loss: distillation.create() }), {});
    expect(() => method.shape(two, 0)).toThrow(
      /sample p\/0: method mine: distillation: is missing, but the loss distillation reads it/,
    );
  });

  it('is refused when a sample is missing', () => {
    const method = bindMethod(definition({ shape: (group) => uniform(group).slice(1) }), {});
    expect(() => method.shape(two, 0)).toThrow('method mine: shape returned 1 samples for a group of 2');
  });
});

describe('what a method is given', () => {
  const taught = (usesUniformGroups: boolean, context: 'privileged' | 'siblings' = 'privileged') =>
    bindMethod(
      definition({
        teacher: { scores: 'sampled', model: 'self', context },
        usesUniformGroups,
        siblingContext: () => null,
      }),
      {},
    );
  const equal = groupOf(judged(1, [-1], null), judged(1, [-1], null));

  it('may lack teacher scores in a group of equal rewards, unless the method uses those', () => {
    expect(taught(false).shape(equal, 0)).toHaveLength(2);
    expect(() => taught(true).shape(equal, 0)).toThrow(/sample p\/0: found no teacher scores, expected one per token/);
    expect(() => taught(false).shape(two, 0)).toThrow(/sample p\/0: found no teacher scores/);
  });

  it('may lack teacher scores of a sample that has no sibling context', () => {
    expect(taught(true, 'siblings').shape(two, 0)).toHaveLength(2);
  });

  it('has contrast scores that are checked as the others', () => {
    const group = groupOf(judged(1, [-1], [-1], { contrastLogprobs: [Number.NaN] }));
    expect(() => taught(false).shape(group, 0)).toThrow(/sample p\/0: found teacher log-probability NaN at token 0/);
  });
});
