import { expect, it } from 'vitest';
import { textIds } from '../../../src/privileged/documents/text-ids.js';

it('numbers texts in order, and the same text with the same number', () => {
  const ids = textIds();
  const texts = Array.from({ length: 3000 }, (_, k) => `text ${k}`);
  expect(texts.map((text) => ids.add(text))).toEqual(texts.map((_, k) => k));
  expect(texts.map((text) => ids.find(text))).toEqual(texts.map((_, k) => k));
  expect(ids.add('text 7')).toBe(7);
  expect(ids.find('another')).toBeUndefined();
  const others = textIds();
  others.add('text 9');
  expect(texts.filter((_, k) => others.shares(ids, k))).toEqual(['text 9']);
  expect(ids.size).toBe(3000);
});
