import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrive, describeProgress, isComplete, unitProgress } from '../../../src/operators/internal/unit.js';

const members = (prompts: number, groupSize: number) =>
  Array.from({ length: prompts * groupSize }, (_, i) => ({
    promptId: `p${Math.floor(i / groupSize)}`,
    sampleIndex: i % groupSize,
    groupSize,
  }));

describe('the progress of a unit', () => {
  it('is complete with the last sample, in any order and with any duplicates', () => {
    const shape = fc.record({ prompts: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 1, max: 4 }) });
    const arrivals = shape.chain(({ prompts, size }) => {
      const all = members(prompts, size);
      return fc.record({
        prompts: fc.constant(prompts),
        order: fc.shuffledSubarray(all, { minLength: all.length }),
        repeats: fc.array(fc.nat({ max: all.length - 1 }), { maxLength: 8 }),
      });
    });
    fc.assert(
      fc.property(arrivals, ({ prompts, order, repeats }) => {
        const progress = unitProgress(prompts);
        for (const [n, member] of order.entries()) {
          expect(isComplete(progress)).toBe(false);
          expect(arrive(progress, member)).toBe(true);
          for (const at of repeats) if (at <= n) expect(arrive(progress, { ...member, ...order[at] })).toBe(false);
        }
        expect(isComplete(progress)).toBe(true);
      }),
    );
  });

  it('counts a marker for a whole group as all of its samples', () => {
    const progress = unitProgress();
    arrive(progress, { promptId: 'p', sampleIndex: 1, groupSize: 3 });
    expect(arrive(progress, { promptId: 'p', sampleIndex: null, groupSize: 3 })).toBe(true);
    expect(isComplete(progress)).toBe(true);
    expect(arrive(progress, { promptId: 'p', sampleIndex: 0, groupSize: 3 })).toBe(false);
  });

  it.each([-1, 2, 0.5, Number.NaN])('refuses sample %d of 2', (sampleIndex) =>
    expect(() => arrive(unitProgress(), { promptId: 'p', sampleIndex, groupSize: 2 })).toThrow(/^sample p\/.*0 to 1/),
  );

  it('says what it has and lacks', () => {
    const progress = unitProgress(2);
    for (const member of members(1, 2)) arrive(progress, member);
    expect(describeProgress(progress)).toBe('1 of 2 prompts complete; samples so far: p0 has 2');
  });
});
