import fc from 'fast-check';
import { expect, it } from 'vitest';
import { permuted } from '../../src/methods/permuted.js';
import { rlsd } from '../../src/methods/rlsd.js';
import { groupOf, groups, judged, nth } from './groups.js';

const method = rlsd({ lambda: 1, weightClip: [0.1, 9] });
const sorted = (values: ArrayLike<number>) => Array.from(values).sort((a, b) => a - b);

it('keeps the values of each completion and its masked positions, and is the same for the same seed', () => {
  fc.assert(
    fc.property(groups, fc.nat(), (group, seed) => {
      const [own, mixed, again] = [method, permuted(method, seed), permuted(method, seed)].map((one) =>
        one.shape(group, 3),
      );
      expect(mixed).toEqual(again);
      for (const [i, { tokenAdvantages, advantage }] of (mixed ?? []).entries()) {
        const before = nth(own ?? [], i);
        expect(advantage).toBe(before.advantage);
        expect(sorted(tokenAdvantages)).toEqual(sorted(before.tokenAdvantages));
        for (const [t, trains] of Array.from(nth(group.samples, i).mask).entries())
          if (!trains) expect(tokenAdvantages[t]).toBe(0);
      }
    }),
  );
});

it('moves credit, differently for each step and seed', () => {
  const student = Array.from({ length: 32 }, () => -1);
  const teacher = student.map((_, t) => -t / 20);
  const group = groupOf(judged(1, student, teacher), judged(0, [-1], [-1]));
  const orders = [
    method.shape(group, 0),
    permuted(method, 1).shape(group, 0),
    permuted(method, 2).shape(group, 0),
    permuted(method, 1).shape(group, 1),
  ].map((shaped) => Array.from(nth(shaped, 0).tokenAdvantages).join());
  expect(new Set(orders).size).toBe(4);
});

it('says so in the id, and permutes once', () => {
  expect(permuted(method, 1).id).toBe(`${method.id}+permuted`);
  expect(permuted(permuted(method, 1), 1).id).toBe(`${method.id}+permuted`);
});
