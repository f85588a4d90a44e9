import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  citesUnseen,
  type LeakSummary,
  leakAlarms,
  leakMetrics,
  leakSummary,
  mergeLeaks,
  repeatedShare,
  wordsOf,
} from '../../src/privileged/leak.js';

const sample = (prompt: string, completion: string, ...privileged: string[]) => ({ prompt, completion, privileged });

describe('repeatedShare', () => {
  it('counts words in runs that the privileged text has and the prompt has not', () => {
    const trace = 'First the seal leaks, then the pump loses its prime.';
    expect(repeatedShare(sample('Why?', 'I think the pump loses its prime today', trace), 3)).toEqual({
      share: 5 / 8,
      longest: 5,
    });
    expect(repeatedShare(sample('So the pump loses its prime?', 'I think the pump loses its prime', trace), 3)).toEqual(
      { share: 0, longest: 0 },
    );
    expect(repeatedShare(sample('Why?', 'nothing alike here', trace), 3).share).toBe(0);
  });

  it('joins no run across two pieces, and sees arithmetic', () => {
    expect(repeatedShare(sample('q', 'alpha beta gamma delta', 'alpha beta', 'gamma delta'), 3).share).toBe(0);
    expect(repeatedShare(sample('3+4+5?', '3+4=7', 'so 3 + 4 = 7'), 5)).toEqual({ share: 1, longest: 5 });
    expect(repeatedShare(sample('q', '', 'x'), 1)).toEqual({ share: 0, longest: 0 });
    expect(() => repeatedShare(sample('q', 'c', 'x'), 0)).toThrow(RangeError);
  });

  it('is 1 for a copy, 0 when the prompt says it all, and never outside', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '1', '+'), { minLength: 3, maxLength: 30 })
      .map((words) => words.join(' '));
    fc.assert(
      fc.property(text, text, text, (prompt, completion, privileged) => {
        const { share, longest } = repeatedShare(sample(prompt, completion, privileged), 3);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(longest).toBeLessThanOrEqual(wordsOf(completion).length);
        expect(longest === 0).toBe(share === 0);
        expect(repeatedShare(sample('', completion, `z ${completion} z`), 3).share).toBe(1);
        expect(repeatedShare(sample(`z ${completion}`, completion, completion), 3).share).toBe(0);
      }),
    );
  });
});

describe('citesUnseen', () => {
  it.each([
    ['According to the reference solution it is 5.', 'the reference solution'],
    ['This matches the given answer.', 'the given answer'],
    ['The document states that it is shut.', 'The document states'],
    ['As shown in the worked trace, carry one.', 'the worked trace'],
    ['We were given the answer, so 5.', 'We were given the answer'],
    ['I checked the answer key.', 'answer key'],
  ])('finds %j', (completion, found) => {
    expect(citesUnseen('What is 2 + 3?', completion)).toBe(found);
  });

  it.each([
    'The answer is 5.',
    'We are given that x = 2.',
    'I solved it by the chain rule, step by step.',
    'The solution is x = 3.',
    'Trace the wire to the pump.',
  ])('passes %j', (completion) => {
    expect(citesUnseen('What is 2 + 3?', completion)).toBeUndefined();
  });

  it('allows what the prompt itself was about', () => {
    expect(
      citesUnseen('What does it mean that the document states a price?', 'The document states 5.'),
    ).toBeUndefined();
  });
});

describe('the summary and its alarms', () => {
  const quiet: LeakSummary = { samples: 100, repeated: 0.05, longestRun: 6, cited: 0, length: 20 };

  it('measures a batch', () => {
    const summary = leakSummary(
      [sample('q', 'the seal leaks now', 'the seal leaks'), sample('q', 'The hint says 5 and 6', 'x')],
      3,
    );
    expect(summary).toEqual({ samples: 2, repeated: 3 / 8, longestRun: 3, cited: 0.5, length: 5 });
    expect(() => leakSummary([])).toThrow(RangeError);
  });

  it('merges as if measured together', () => {
    const samples = [
      sample('q', 'the seal leaks now', 'the seal leaks'),
      sample('q', 'The hint says 5', 'x'),
      sample('q', 'no', 'y'),
    ];
    const [first, ...rest] = samples;
    const merged = mergeLeaks(leakSummary(first ? [first] : [], 3), leakSummary(rest, 3));
    const whole = leakSummary(samples, 3);
    for (const [name, value] of Object.entries(whole)) expect(merged[name as keyof LeakSummary]).toBeCloseTo(value, 12);
  });

  it('is quiet at the base rate and with few samples', () => {
    expect(leakAlarms(quiet, quiet)).toEqual([]);
    expect(leakAlarms({ ...quiet, repeated: 1, samples: 31 }, quiet)).toEqual([]);
    expect(leakAlarms({ ...quiet, repeated: 0.15 }, quiet)).toEqual([]);
  });

  it.each([
    [{ repeated: 0.16 }, /repeat privileged text: 16\.0 % of their words, 5\.0 % at the start/],
    [{ cited: 0.03 }, /cite material that they were not shown: 3\.0 %/],
    [{ length: 31 }, /drift in length: 31\.0 words, 20\.0 at the start/],
    [{ length: 13 }, /drift in length/],
  ])('sounds for %j alone', (change, message) => {
    const alarms = leakAlarms({ ...quiet, ...change }, quiet);
    expect(alarms).toHaveLength(1);
    expect(alarms[0]).toMatch(message);
  });

  it('gives numbers alone to the metrics', () => {
    expect(leakMetrics(quiet, quiet)).toMatchObject({ leakRepeated: 0.05, leakCited: 0, completionWords: 20 });
    expect(Object.values(leakMetrics(quiet, quiet)).every(Number.isFinite)).toBe(true);
  });
});
