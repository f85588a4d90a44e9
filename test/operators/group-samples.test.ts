import fc from 'fast-check';
import { from, lastValueFrom, NEVER, of, take, tap, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { groupSamples } from '../../src/operators/group-samples.js';

const member = (promptId: string, sampleIndex: number, groupSize = 2) => ({ promptId, sampleIndex, groupSize });
type Member = ReturnType<typeof member>;
const grouped = (members: readonly Member[]) => lastValueFrom(from(members).pipe(groupSamples<Member>(), toArray()));
const names = (groups: readonly (readonly Member[])[]) =>
  groups.map((group) => group.map((one) => `${one.promptId}${one.sampleIndex}`));

describe('groupSamples', () => {
  it('emits each group as it completes, ordered by sample', async () => {
    const groups = await grouped([member('a', 1), member('b', 0), member('a', 0), member('b', 1)]);
    expect(names(groups)).toEqual([
      ['a0', 'a1'],
      ['b0', 'b1'],
    ]);
  });

  it('emits every group whole and once, in whatever order its samples come', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
    const shuffled = sizes.chain((all) =>
      fc.shuffledSubarray(
        all.flatMap((size, p) => Array.from({ length: size }, (_, i) => member(`p${p}`, i, size))),
        { minLength: all.reduce((a, b) => a + b) },
      ),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async (members) => {
        const groups = await grouped(members);
        for (const group of groups)
          expect(group.map(({ sampleIndex }) => sampleIndex)).toEqual([...Array(group[0]?.groupSize).keys()]);
        expect(new Set(groups.map((group) => group[0]?.promptId)).size).toBe(groups.length);
        expect(groups.flat()).toHaveLength(members.length);
      }),
    );
  });

  it('emits incomplete groups when the source completes', async () =>
    expect(names(await grouped([member('a', 0)]))).toEqual([['a0']]));

  it('does not complete a group with a duplicate, and keeps the first', async () => {
    const first = { ...member('a', 0), reward: 1 };
    const members = [first, { ...first, reward: 0 }, { ...member('a', 1), reward: 0 }];
    const groups = await lastValueFrom(from(members).pipe(groupSamples<typeof first>(), toArray()));
    expect(groups).toEqual([[first, members[2]]]);
  });

  it('fails on a sample outside of its group', () =>
    expect(grouped([member('a', 2)])).rejects.toMatchObject({
      code: 'bad-sample',
      message: 'sample a/2: sampleIndex is 2, expected 0 to 1 (groupSize 2)',
    }));

  it('emits an incomplete group when its time is up, and opens a new one after it', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ hot, expectObservable }) => {
      const members = { a: member('p', 0), b: member('p', 1) };
      const groups = hot('a----b---', members).pipe(groupSamples({ timeoutMs: 3, scheduler: test }));
      expectObservable(groups).toBe('---x----y', { x: [members.a], y: [members.b] });
    });
  });

  it('stops a synchronous source when the subscriber has enough', () => {
    let read = 0;
    const members = Array.from({ length: 100 }, (_, n) => member(`p${n}`, 0, 1));
    from(members)
      .pipe(
        tap(() => read++),
        groupSamples(),
        take(3),
      )
      .subscribe();
    expect(read).toBe(3);
  });

  it('keeps nothing from one subscription for the next', async () => {
    const half = of(member('a', 0)).pipe(groupSamples(), toArray());
    expect(await lastValueFrom(half)).toEqual([[member('a', 0)]]);
    expect(await lastValueFrom(half)).toEqual([[member('a', 0)]]);
  });

  it('cancels its timers when the subscriber leaves', () => {
    const test = new TestScheduler(() => {});
    const subscription = NEVER.pipe(groupSamples({ timeoutMs: 3, scheduler: test })).subscribe();
    of(member('a', 0))
      .pipe(groupSamples({ timeoutMs: 3, scheduler: test }))
      .subscribe()
      .unsubscribe();
    subscription.unsubscribe();
    expect(test.actions.filter(({ closed }) => !closed)).toEqual([]);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuses a time-out of %d', (timeoutMs) =>
    expect(() => groupSamples({ timeoutMs })).toThrow(RangeError),
  );
});
