import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestOf } from '../../src/transforms/best-of.js';
import { dropGibberish, unreadableShare } from '../../src/transforms/drop-gibberish.js';
import { dropLength } from '../../src/transforms/drop-length.js';
import { dropRepetitive, repeatedShare } from '../../src/transforms/drop-repetitive.js';
import { dropUniform } from '../../src/transforms/drop-uniform.js';
import { lengthPenalty } from '../../src/transforms/length-penalty.js';

interface Fields {
  readonly tokens?: readonly number[];
  readonly reward?: number;
  readonly completion?: string;
  readonly logprobs?: readonly number[];
  readonly finishReason?: string;
}

const sampleOf = (fields: Fields, sampleIndex = 0) => {
  const { tokens = [1, 2, 3], reward = 0, completion = 'so 3', logprobs, finishReason = 'stop' } = fields;
  const samplingLogprobs = Float32Array.from(logprobs ?? tokens.map(() => -1));
  const completionTokens = Int32Array.from(tokens);
  return { promptId: 'p', sampleIndex, completionTokens, samplingLogprobs, finishReason, completion, reward };
};
const unitOf = (...all: readonly Fields[]) => all.map(sampleOf);
const kept = (unit: readonly { readonly sampleIndex: number }[]) => unit.map(({ sampleIndex }) => sampleIndex);
const ofLength = (length: number) => Array.from({ length }, (_, i) => i);
const anyRewards = fc.array(fc.constantFrom(0, 0.5, 1), { minLength: 1, maxLength: 8 });

describe('dropUniform', () => {
  it('drops a group of equal rewards, and one of a single sample', () => {
    expect(dropUniform(unitOf({ reward: 1 }, { reward: 1 }))).toEqual([]);
    expect(dropUniform(unitOf({ reward: 1 }))).toEqual([]);
  });

  it('keeps every other group whole', () => {
    expect(kept(dropUniform(unitOf({ reward: 1 }, { reward: 0 }, { reward: 1 })))).toEqual([0, 1, 2]);
  });
});

describe('dropLength', () => {
  const unit = unitOf(
    { tokens: ofLength(2) },
    { tokens: ofLength(3) },
    { tokens: ofLength(9), finishReason: 'length' },
  );

  it.each([
    [{ min: 3, truncated: false }, [1, 2]],
    [{ max: 3, truncated: false }, [0, 1]],
    [{ truncated: true }, [0, 1]],
    [{ min: 3, max: 8, truncated: false }, [1]],
  ])('%j keeps %j', (settings, expected) => {
    expect(kept(dropLength(unit, settings))).toEqual(expected);
  });
});

describe('dropRepetitive', () => {
  it.each([
    [[1, 2, 3, 4], 2, 0],
    [[1, 1, 1, 1], 2, 2 / 3],
    [[1, 2, 1, 2, 1, 2], 2, 3 / 5],
    [[1, 2], 4, 0],
    [[], 1, 0],
  ])('%j repeats by %i-grams: %f', (tokens, n, share) => {
    expect(repeatedShare(Int32Array.from(tokens), n)).toBeCloseTo(share, 12);
  });

  it('tells 1, 11 from 11, 1', () => {
    expect(repeatedShare(Int32Array.from([1, 11, 1, 1, 11, 11]), 2)).toBe(0.2);
  });

  it('keeps what is at the limit', () => {
    const unit = unitOf({ tokens: [1, 1, 1, 1, 1] }, { tokens: [1, 2, 1, 2, 3] }, { tokens: [1, 2, 3, 4, 5] });
    expect(kept(dropRepetitive(unit, { ngram: 1, above: 0.4 }))).toEqual([1, 2]);
  });
});

describe('dropGibberish', () => {
  it('drops a completion with a token of too low a probability', () => {
    const unit = unitOf({ logprobs: [-1, -11.9, -1] }, { logprobs: [-1, -12.1, -1] }, { logprobs: [-Infinity, 0, 0] });
    expect(kept(dropGibberish(unit, { logprob: -12, unreadable: 0 }))).toEqual([0]);
  });

  it('reads every script, white space and emoji', () => {
    for (const text of ['日本語\tテキスト', 'Ελληνικά\r\n', 'हिन्दी', '👩‍👩‍👧 ½ ∫', ''])
      expect(unreadableShare(text)).toBe(0);
  });

  it('counts broken bytes, controls and private characters', () => {
    expect(unreadableShare('a\uFFFDb\u0000')).toBe(0.5);
    expect(unreadableShare('\uE000\u{10FFFF}')).toBe(1);
    expect(kept(dropGibberish(unitOf({ completion: 'a\uFFFD' }, {}), { logprob: -12, unreadable: 0.4 }))).toEqual([1]);
  });
});

describe('lengthPenalty', () => {
  it.each([
    [4, 1],
    [6, 0.75],
    [8, 0.5],
    [20, 0.5],
  ])('leaves a completion of %i tokens a reward of %f', (length, reward) => {
    const [sample] = lengthPenalty(unitOf({ tokens: ofLength(length), reward: 1 }), { from: 4, to: 8, penalty: 0.5 });
    expect(sample?.reward).toBe(reward);
  });

  it('never ranks the longer of two equal answers higher', () => {
    const length = fc.integer({ min: 0, max: 40 });
    const bounds = fc.tuple(length, length).filter(([a, b]) => a !== b);
    fc.assert(
      fc.property(length, length, bounds, (a, b, [from, to]) => {
        const unit = unitOf({ tokens: ofLength(Math.min(a, b)) }, { tokens: ofLength(Math.max(a, b)) });
        const settings = { from: Math.min(from, to), to: Math.max(from, to), penalty: 1 };
        const [short, long] = lengthPenalty(unit, settings).map(({ reward }) => reward);
        expect(short).toBeGreaterThanOrEqual(Number(long));
        expect(Number(short) - Number(long)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('bestOf', () => {
  it('keeps the highest rewards, of equal ones the shortest, then the first', () => {
    const unit = unitOf(
      { reward: 1, tokens: ofLength(9) },
      { reward: 2, tokens: ofLength(9) },
      { reward: 1, tokens: ofLength(4) },
      { reward: 1, tokens: ofLength(4) },
    );
    expect(kept(bestOf(unit, { keep: 3, above: 0 }))).toEqual([1, 2, 3]);
  });

  it('keeps nothing that no reward speaks for', () => {
    expect(bestOf(unitOf({ reward: 0 }, { reward: 0 }), { keep: 1, above: 0 })).toEqual([]);
  });

  it('drops no completion that is better than one it keeps', () => {
    fc.assert(
      fc.property(anyRewards, fc.integer({ min: 1, max: 8 }), (rewards, keep) => {
        const unit = unitOf(...rewards.map((reward) => ({ reward })));
        const best = bestOf(unit, { keep, above: 0 });
        const dropped = unit.filter((sample) => !best.includes(sample)).map(({ reward }) => reward);
        expect(best.length).toBe(Math.min(keep, rewards.filter((reward) => reward > 0).length));
        expect(Math.max(0, ...dropped)).toBeLessThanOrEqual(Math.min(Infinity, ...best.map(({ reward }) => reward)));
      }),
    );
  });
});
