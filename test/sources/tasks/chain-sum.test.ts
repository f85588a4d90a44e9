import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainSum, isHeldOut, workedTrace } from '../../../src/sources/tasks/chain-sum.js';

const wording = /^State the final answer to the following arithmetic problem: (\d(?: [+-] \d){2,5}) =$/;
const stream = (seed: number, heldOut: boolean, n: number) =>
  Array.from({ length: n }, (_, index) => chainSum({ seed, index, heldOut }));

/** The value of `4 + 3 - 9`, read from left to right. */
function evaluated(sum: string): number {
  return sum
    .replaceAll('- ', '-')
    .replaceAll('+ ', '')
    .split(' ')
    .reduce((total, n) => total + Number(n), 0);
}

/** Shares of each key, in the order of the keys. */
function shares(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1 / values.length;
  return counts;
}

describe('chain sums', () => {
  it('match the wording of the data set and have correct answers, whatever the seed', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), fc.nat(1e6), fc.boolean(), (seed, index, heldOut) => {
        const { question, answer, trace } = chainSum({ seed, index, heldOut });
        const sum = wording.exec(question)?.[1] ?? '';
        expect(answer).toBe(String(evaluated(sum)));
        expect(trace.endsWith(` ; the answer is ${answer}`)).toBe(true);
        expect(isHeldOut(question)).toBe(heldOut);
      }),
    );
  });

  it('are worked step by step', () => {
    for (const { question, trace, answer } of stream(3, false, 300)) {
      const steps = trace.split(' ; ').slice(0, -1);
      let value = Number(wording.exec(question)?.[1]?.[0]);
      for (const step of steps) {
        const [left = '', right = ''] = step.split(' = ');
        expect(Number(left.split(' ')[0])).toBe(value);
        expect(evaluated(left)).toBe(Number(right));
        value = Number(right);
      }
      expect(String(value)).toBe(answer);
    }
    const terms = [
      { sign: '+', digit: 3 },
      { sign: '-', digit: 7 },
      { sign: '+', digit: 9 },
    ] as const;
    expect(workedTrace(terms)).toBe('3 - 7 = -4 ; -4 + 9 = 5 ; the answer is 5');
  });

  it('depend only on seed, index and half', () => {
    const forwards = stream(7, false, 50);
    const backwards = Array.from({ length: 50 }, (_, i) => chainSum({ seed: 7, index: 49 - i, heldOut: false }));
    expect(backwards.reverse()).toEqual(forwards);
    expect(stream(8, false, 50).map((item) => item.question)).not.toEqual(forwards.map((item) => item.question));
    expect(new Set([...stream(7, false, 500), ...stream(7, true, 500)].map((item) => item.itemId)).size).toBe(1000);
    // What a run of an earlier release asked is asked again.
    expect(chainSum({ seed: 7, index: 0, heldOut: false })).toMatchObject({
      question: 'State the final answer to the following arithmetic problem: 4 + 2 - 1 - 0 - 2 - 6 =',
      trace: '4 + 2 = 6 ; 6 - 1 = 5 ; 5 - 0 = 5 ; 5 - 2 = 3 ; 3 - 6 = -3 ; the answer is -3',
    });
  });

  it('never train on a held-out question, over any seeds', () => {
    const trained = new Set([1, 2, 3].flatMap((seed) => stream(seed, false, 4000)).map((item) => item.question));
    const held = [4, 5, 1].flatMap((seed) => stream(seed, true, 500)).map((item) => item.question);
    expect(held.filter((question) => trained.has(question))).toEqual([]);
    expect(new Set(held).size).toBeGreaterThan(1300);
  });

  it.each([false, true])('draw lengths, digits and signs evenly (held out: %s)', (heldOut) => {
    const items = stream(11, heldOut, 8000);
    const near = (found: Record<string, number>, keys: readonly (string | number)[]) => {
      expect(Object.keys(found).sort()).toEqual(keys.map(String).sort());
      for (const share of Object.values(found)) expect(Math.abs(share * keys.length - 1)).toBeLessThan(0.15);
    };
    const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    near(shares(items.map((item) => item.terms.length)), [3, 4, 5, 6]);
    near(shares(items.map((item) => item.terms[0]?.digit ?? -1)), digits);
    near(shares(items.flatMap((item) => item.terms.slice(1).map((term) => term.digit))), digits);
    near(shares(items.flatMap((item) => item.terms.slice(1).map((term) => term.sign))), ['+', '-']);
  });

  it('keep about one question in eight for the held-out half', () => {
    const digits = Array.from({ length: 100 }, (_, n) => n);
    const all = digits.flatMap((ab) => digits.map((cd) => `${Math.floor(ab / 10)} + ${ab % 10} - ${cd % 10} + ${cd}`));
    expect(all.filter(isHeldOut).length / all.length).toBeCloseTo(1 / 8, 1);
  });

  const data = '../shared/data/reasoning-gym/chain_sum.jsonl';
  it.skipIf(!existsSync(data))('agree with the data set on what a question looks like and means', () => {
    const lines = readFileSync(data, 'utf8').trim().split('\n');
    for (const line of lines) {
      const { question, answer } = JSON.parse(line) as { question: string; answer: string };
      expect(String(evaluated(wording.exec(question)?.[1] ?? ''))).toBe(answer);
    }
  });
});
