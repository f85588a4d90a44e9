import { expect, it } from 'vitest';
import { murmur2, partitionOf } from '../../src/topics/partition.js';

// Published by the Java client's own tests.
it.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

it('keeps a negative hash within the partitions', () => {
  for (const key of ['21', 'foobar', '', 'ключ']) expect([0, 1, 2]).toContain(partitionOf(key, 3));
  expect(partitionOf('21', 7)).toBe((-973932308 & 0x7fffffff) % 7);
});
