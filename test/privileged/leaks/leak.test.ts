import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { citesUnseen, leakOf, repeatedShare, wordsOf } from '../../../src/privileged/leaks/leak.js';

const sample = (prompt: string, completion: string, ...privileged: string[]) => ({ prompt, completion, privileged });

describe('repeatedShare', () => {
  it('counts words in runs that occur in the privileged text but not in the prompt', () => {
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

  it('does not join runs across two pieces, and recognizes arithmetic', () => {
    expect(repeatedShare(sample('q', 'alpha beta gamma delta', 'alpha beta', 'gamma delta'), 3).share).toBe(0);
    expect(repeatedShare(sample('3+4+5?', '3+4=7', 'so 3 + 4 = 7'), 5)).toEqual({ share: 1, longest: 5 });
    expect(repeatedShare(sample('q', '', 'x'), 1)).toEqual({ share: 0, longest: 0 });
    expect(() => repeatedShare(sample('q', 'c', 'x'), 0)).toThrow(RangeError);
  });

  it('is 1 for a copy, 0 when the prompt contains everything, and always between the two', () => {
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
  ])('recognizes %j', (completion, found) => {
    expect(citesUnseen('What is 2 + 3?', completion)).toBe(found);
  });

  it.each([
    'The answer is 5.',
    'We are given that x = 2.',
    'I solved it by the chain rule, step by step.',
    'The solution is x = 3.',
    'Trace the wire to the pump.',
  ])('ignores %j', (completion) => {
    expect(citesUnseen('What is 2 + 3?', completion)).toBeUndefined();
  });

  it('ignores wordings that the prompt itself uses', () => {
    expect(
      citesUnseen('What does it mean that the document states a price?', 'The document states 5.'),
    ).toBeUndefined();
  });
});

describe('leakOf', () => {
  it('measures one completion', () => {
    const copied = leakOf(sample('q', 'so the old blue seal leaks', 'the old blue seal leaks'));
    expect(copied).toEqual({ repeated: 5 / 6, longestRun: 5, cited: 0, length: 6 });
    expect(leakOf(sample('q', 'The hint says 5', 'x'))).toEqual({ repeated: 0, longestRun: 0, cited: 1, length: 4 });
  });
});
