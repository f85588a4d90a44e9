import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Member, share } from '../../../../src/topics/kafka/consumer/assign.js';

const members = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 }).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({
        id: fc.constant(id),
        generation: fc.integer({ min: -1, max: 5 }),
        owned: fc.uniqueArray(fc.nat(20)),
      }),
    ),
  ),
) as fc.Arbitrary<Member[]>;

describe('partition assignment', () => {
  it('assigns each partition to exactly one member, as evenly as possible', () => {
    fc.assert(
      fc.property(members, fc.nat(24), (group, count) => {
        const shares = [...share(group, count).values()];
        expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        const sizes = shares.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves nothing while the membership stays the same', () => {
    fc.assert(
      fc.property(members, fc.nat(24), (group, count) => {
        const first = share(group, count);
        const again = share(
          group.map(({ id }) => ({ id, generation: 6, owned: first.get(id) ?? [] })),
          count,
        );
        for (const [id, owned] of first) expect([...(again.get(id) ?? [])].sort()).toEqual([...owned].sort());
      }),
    );
  });

  it('moves only the share of a new member', () => {
    const before = [
      { id: 'a', generation: 3, owned: [0, 1, 2] },
      { id: 'b', generation: 3, owned: [3, 4, 5] },
    ];
    const shares = share([...before, { id: 'c', generation: -1, owned: [] }], 6);
    expect(shares.get('a')).toEqual([0, 1]);
    expect(shares.get('b')).toEqual([3, 4]);
    expect(shares.get('c')).toEqual([2, 5]);
  });

  it('prefers the newer generation if two members claim a partition', () => {
    const claims = [
      { id: 'a', generation: 2, owned: [0] },
      { id: 'b', generation: 5, owned: [0] },
    ];
    expect(share(claims, 2).get('b')).toEqual([0]);
  });
});
