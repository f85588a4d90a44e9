import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offsetIn, withOffset } from '../../src/sources/topic.js';

describe('a position in a topic', () => {
  it('has an offset for each partition', () => {
    const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), offset)), (moves) => {
        const expected = new Map<number, bigint>();
        let position = 0n;
        for (const [partition, to] of moves) {
          position = withOffset(position, partition, to);
          expected.set(partition, to);
        }
        for (let partition = 0; partition <= 21; partition++)
          expect(offsetIn(position, partition)).toBe(expected.get(partition) ?? 0n);
        // The token keeps it as text.
        expect(BigInt(String(position))).toBe(position);
      }),
    );
  });
  it('of one partition is its offset', () => expect(withOffset(0n, 0, 7n)).toBe(7n));
});
