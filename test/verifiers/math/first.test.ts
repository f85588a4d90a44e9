import { expect, test } from 'vitest';
import { compareMath } from '../../../src/verifiers/math/index.js';

test('equal fractions are correct and others are not', () => {
  expect(compareMath('\\frac{1}{2}', '$0.5$').verdict).toBe('correct');
  expect(compareMath('\\frac{1}{2}', '$0.51$').verdict).toBe('incorrect');
  expect(compareMath('5', 'no idea').verdict).toBe('unparseable');
});
