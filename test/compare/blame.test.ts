import { expect, it } from 'vitest';
import { hitCounter } from '../../src/compare/blame.js';

it('counts how often the lowest value is at the error, and ties by their share', () => {
  const counter = hitCounter();
  expect(counter.hits()).toBeUndefined();
  counter.add([-1, -3, Number.NEGATIVE_INFINITY], 2);
  counter.add([-1, -3, -2], 2);
  counter.add([-1, -1, Number.POSITIVE_INFINITY, -1], 0);
  expect(counter.hits()).toEqual({ n: 3, rate: (1 + 1 / 3) / 3 });
});
