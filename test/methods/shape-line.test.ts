import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shapeLine } from '../../src/methods/shape-line.js';
import { nth } from './groups.js';

describe('shapeLine', () => {
  const line = {
    id: 'a',
    rewards: [1, 0],
    studentLogprobs: [[-1], [-1]],
    teacherLogprobs: [[-0.9], [-1]],
    mask: [[1], [1]],
    step: 0,
    lambda: 1,
    weightClip: 0.2,
  };
  const { lambda: _, weightClip, teacherLogprobs: __, ...plain } = line;

  it('shapes with rlsd unless the line names a method', () => {
    const shaped = shapeLine(line, 'stdin:1');
    expect(shaped.lambdaAtStep).toBe(1);
    expect(nth(nth(shaped.tokenAdvantages, 0), 0)).toBeCloseTo(nth(shaped.advantages, 0) * Math.exp(0.1), 9);
  });

  it('shapes with the method that the line names, and its settings', () => {
    const shaped = shapeLine({ ...plain, method: 'grpo', scale: 'center' }, 'stdin:1');
    expect(shaped).toEqual({ id: 'a', advantages: [0.5, -0.5], tokenAdvantages: [[0.5], [-0.5]] });
  });

  it('reads weightClip under its old name', () => {
    const { weightClip: ___, ...rest } = line;
    expect(shapeLine({ ...rest, clip: weightClip }, 'stdin:1')).toEqual(shapeLine(line, 'stdin:1'));
  });

  it.each<[object, RegExp]>([
    [{ ...line, mask: [[1]] }, /stdin:1: mask: found 1 completions; expected 2/],
    [{ ...line, mask: [[1, 1], [1]] }, /stdin:1: sample a\/0: found .* expected/],
    [
      { ...line, teacherLogprobs: [[-1], [null]] },
      /stdin:1: sample a\/1: teacherLogprobs\[1\]\[0\]: found null; expected a number or "-Infinity"/,
    ],
    [
      { ...line, teacherLogprobs: [['NaN'], [-1]] },
      /stdin:1: sample a\/0: teacherLogprobs\[0\]\[0\]: found "NaN"; expected a number/,
    ],
    [{ ...line, teacherLogprobs: [[-1, -1], [-1]] }, /stdin:1: sample a\/0: found 2 teacher scores, expected 1/],
    [plain, /stdin:1: sample a\/0: found no teacher scores, expected one per token/],
    [
      { ...line, weightClip: [0.8, 0.9] },
      /stdin:1: shape\.rlsd\.weightClip\[1\]: found 0\.9; expected a number of at least 1$/,
    ],
    [{ ...line, step: undefined }, /stdin:1: step: is missing; expected a number$/],
    [[], /stdin:1: the line: found \[\]; expected an object$/],
    [{ ...line, lamda: 1 }, /stdin:1: shape\.rlsd\.lamda: unknown field; did you mean lambda\?/],
    [{ ...line, method: 'gpro' }, /stdin:1: unknown method "gpro"; did you mean grpo\?/],
  ])('refuses line %#', (bad, message) => expect(() => shapeLine(bad, 'stdin:1')).toThrow(message));

  const cases = new URL('../../../shared/cases/rlsd-shaping.jsonl', import.meta.url);
  it.runIf(existsSync(cases))('reproduces the shared vectors', () => {
    for (const text of readFileSync(cases, 'utf8').trim().split('\n')) {
      const { expected, ...input } = JSON.parse(text);
      const flat = ({ lambdaAtStep, advantages, tokenAdvantages }: ReturnType<typeof shapeLine>) => [
        lambdaAtStep,
        ...advantages,
        ...tokenAdvantages.flat(),
      ];
      for (const [i, found] of flat(shapeLine(input, 'case')).entries()) {
        const difference = Math.abs(Number(found) - Number(nth(flat(expected), i)));
        expect(difference).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(Number(found))));
      }
    }
  });
});
