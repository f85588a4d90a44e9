import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../../src/engines/policy.js';
import {
  accuracyInterval,
  countCorrect,
  type EvaluationItem,
  evaluationValues,
  inTotal,
  type JudgedAnswer,
  tally,
} from '../../../src/pipelines/running/evaluate.js';
import { UserError } from '../../../src/support/errors.js';
import type { Verifier } from '../../../src/verifiers/verifier.js';
import { constantPolicy } from '../../fakes/policy.js';

describe('tally', () => {
  it('gives mean@k, pass@k and the standard error over the items', () => {
    expect(tally([4, 2, 0], { samples: 4, temperature: 1 })).toEqual({
      n: 3,
      correct: 6,
      accuracy: 0.5,
      samples: 4,
      temperature: 1,
      standardError: expect.closeTo(0.5 / Math.sqrt(3), 12),
      passAtK: 2 / 3,
    });
  });

  it('is 0 where nothing was judged', () => {
    expect(tally([], { samples: 4, temperature: 1 })).toMatchObject({ accuracy: 0, standardError: 0, passAtK: 0 });
  });

  it('never has fewer items passed than the mean says', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1 }), (counts) => {
        const { accuracy, passAtK } = tally(counts, { samples: 5, temperature: 1 });
        expect(passAtK).toBeGreaterThanOrEqual(accuracy - 1e-12);
      }),
    );
  });
});

describe('the interval of an accuracy', () => {
  const interval = (counts: readonly number[], samples = 1) =>
    accuracyInterval(tally(counts, { samples, temperature: 1 })).map((bound) => Number(bound.toFixed(4)));

  it("is Wilson's for one completion per item", () => {
    expect(interval(Array(10).fill(0))).toEqual([0, 0.2775]);
    // The standard error has n - 1 in its denominator, so that 10 items count as 9.
    expect(interval([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])).toEqual([0.2265, 0.7735]);
  });

  it('does not narrow where the samples of an item all agree', () => {
    expect(interval([4, 4, 0, 0], 4)).toEqual(interval([1, 1, 0, 0]));
  });

  it('is everything where nothing was judged', () => expect(interval([])).toEqual([0, 1]));
});

describe('the evaluations of tasks', () => {
  const draws = { samples: 2, temperature: 1 };

  it('add up, greedy and sampled', () => {
    const total = inTotal(
      new Map([
        ['sums', { greedy: [1, 0], sampled: [2, 1] }],
        ['words', { greedy: [1], sampled: [0] }],
      ]),
      draws,
    );
    expect(evaluationValues(total)).toMatchObject({
      n: 3,
      correct: 2,
      samples: 2,
      meanAtK: 0.5,
      passAtK: 2 / 3,
      'accuracy/sums': 0.5,
      'meanAtK/sums': 0.75,
      'passAtK/words': 0,
    });
  });

  it('have those of each level, unless it is a score that hardly repeats', () => {
    const counts = { greedy: [1, 0], sampled: [] };
    const all = new Map([['', counts]]);
    const levels = (n: number) => new Map(Array.from({ length: n }, (_, i) => [`${i}`, counts] as const));
    expect(evaluationValues(inTotal(all, undefined, levels(2)))).toMatchObject({
      'n/level/1': 2,
      'accuracy/level/1': 0.5,
    });
    expect(inTotal(all, undefined, levels(51)).levels).toBeUndefined();
  });

  it('have no sampled figures where none were asked for', () => {
    expect(evaluationValues(inTotal(new Map([['', { greedy: [1], sampled: [] }]]), undefined))).toEqual({
      n: 1,
      correct: 1,
      accuracy: 1,
    });
  });
});

describe('countCorrect', () => {
  const items: EvaluationItem[] = ['a', 'long', 'c'].map((itemId) => ({
    itemId,
    question: itemId,
    answer: '',
    data: null,
    source: itemId,
  }));
  const verifier: Verifier = {
    name: 'even',
    hash: '',
    close: async () => {},
    verify: async ({ completion }) => ({
      verdict: Number(completion) % 2 === 0 ? 'correct' : 'incorrect',
      reward: 0,
      reason: '',
      evidence: {},
    }),
  };
  const policy: Policy = {
    ...constantPolicy(),
    encodePrompt: ([message]) => {
      if (message?.content === 'long') throw new UserError('prompt-too-long', 'too long');
      return Int32Array.of(1);
    },
    sample: async (_, { seeds }) =>
      seeds.map((seed) => ({
        tokens: Int32Array.of(1, 2),
        logprobs: new Float32Array(2),
        text: String(seed),
        finishReason: 'stop',
      })),
  };

  it('draws every completion with a seed of its own, and skips an item that cannot be asked', async () => {
    const failed: string[] = [];
    const judged: [string, readonly JudgedAnswer[]][] = [];
    const counts = await countCorrect(policy, 0, items, verifier, {
      messages: ({ question }) => [{ role: 'user', content: question }],
      maxTokens: 4,
      draws: { samples: 3, temperature: 1 },
      seed: (itemId, sample) => BigInt(sample + (itemId === 'a' ? 0 : 1)),
      judged: ({ itemId }, answers) => judged.push([itemId, answers]),
      failed: ({ itemId }, { code }) => failed.push(`${itemId}: ${code}`),
    });
    expect(counts).toEqual([2, 1]);
    expect(failed).toEqual(['long: prompt-too-long']);
    expect(judged.map(([id, answers]) => [id, answers.map(({ text, tokens }) => [text, tokens])])).toEqual([
      [
        'a',
        [
          ['0', 2],
          ['1', 2],
          ['2', 2],
        ],
      ],
      [
        'c',
        [
          ['1', 2],
          ['2', 2],
          ['3', 2],
        ],
      ],
    ]);
  });
});
