import { expect, it } from 'vitest';
import { required } from '../../src/support/required.js';

it.each([0, '', false])('returns %j, which is not missing', (value) => {
  expect(required(value, 'value')).toBe(value);
});

it.each([null, undefined])('throws for %j and names what is missing', (value) => {
  expect(() => required(value, 'offset of partition 3')).toThrow('offset of partition 3 is missing');
});
