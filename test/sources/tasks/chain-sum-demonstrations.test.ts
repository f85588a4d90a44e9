import { describe, expect, it } from 'vitest';
import { chainSum, isHeldOut } from '../../../src/sources/tasks/chain-sum.js';
import { chainSumDemonstration } from '../../../src/sources/tasks/chain-sum-demonstrations.js';

const N = 2000;
const demonstrations = (hinted: boolean, slip: number, leave: number) =>
  Array.from({ length: N }, (_, index) => {
    const request = { seed: 1, index, hinted };
    return {
      item: chainSum({ seed: 1, index, heldOut: false }),
      shown: chainSumDemonstration(request, { slip, leave }),
    };
  });
const rightShare = (hinted: boolean, slip: number, leave: number) =>
  demonstrations(hinted, slip, leave).filter(({ item, shown }) => shown.completion === item.trace).length / N;

/** Steps of a completion that are wrong sums, as written. */
function wrongSteps(completion: string): string[] {
  return completion
    .split(' ; ')
    .slice(0, -1)
    .filter((step) => {
      const [, value, sign, digit, result] = /^(-?\d+) ([+-]) (\d) = (-?\d+)$/.exec(step) ?? [];
      return Number(result) !== Number(value) + (sign === '+' ? 1 : -1) * Number(digit);
    });
}

describe('demonstrations of chain sums', () => {
  it('are correct without slips, and systematically wrong with them', () => {
    expect(rightShare(false, 0, 0)).toBe(1);
    const habit = rightShare(false, 1, 0);
    expect(habit).toBeGreaterThan(0.35);
    expect(habit).toBeLessThan(0.45);
  });

  it('slip only where a subtraction crosses zero or a ten, at about the requested rate', () => {
    const all = demonstrations(false, 0.7, 0).flatMap(({ shown }) => shown.completion.split(' ; ').slice(0, -1));
    const inviting = all.filter((step) => {
      const [, value, digit] = /^(\d+) - (\d) = /.exec(step) ?? [];
      return value !== undefined && Number(value) % 10 < Number(digit);
    });
    const wrong = all.filter((step) => wrongSteps(`${step} ; `).length > 0);
    expect(wrong.filter((step) => !inviting.includes(step))).toEqual([]);
    expect(wrong.length / inviting.length).toBeGreaterThan(0.66);
    expect(wrong.length / inviting.length).toBeLessThan(0.74);
    expect(wrong).toContain('3 - 7 = 4');
    expect(wrong).toContain('12 - 5 = 17');
  });

  it('follow a worked solution, deviate at the requested rate and continue from their own value', () => {
    expect(rightShare(true, 0.7, 0)).toBe(1);
    const shown = demonstrations(true, 0, 0.1);
    const steps = shown.reduce((n, { item }) => n + item.terms.length - 1, 0);
    const left = shown.map((each) => wrongSteps(each.shown.completion).length);
    expect(Math.max(...left)).toBe(1);
    // A chain is left once at most, so a little under a tenth of all steps.
    const share = left.reduce((a, b) => a + b, 0) / steps;
    expect(share).toBeGreaterThan(0.06);
    expect(share).toBeLessThan(0.1);
    for (const { item, shown: each } of shown.slice(0, 20))
      expect(each.prompt).toBe(`Worked before: ${item.trace}\n${item.question}`);
  });

  it('show training questions only, the same for the same seed', () => {
    const shown = demonstrations(false, 0.7, 0.1);
    expect(shown.some(({ shown: each }) => isHeldOut(each.prompt))).toBe(false);
    expect(demonstrations(false, 0.7, 0.1)).toEqual(shown);
  });
});
