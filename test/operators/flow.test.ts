import {
  concat,
  delay,
  EMPTY,
  from,
  lastValueFrom,
  map,
  mergeMap,
  NEVER,
  of,
  Subject,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { credit } from '../../src/operators/credit.js';
import { deadLetter, type Failure, runUnit } from '../../src/operators/dead-letter.js';
import { groupSamples } from '../../src/operators/group-samples.js';
import { UserError } from '../../src/support/errors.js';

const member = (promptId: string, sampleIndex: number, groupSize = 2) => ({ promptId, sampleIndex, groupSize });
const scheduler = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

describe('groupSamples', () => {
  it('gives out each group as it completes, in the order of its samples', async () => {
    const groups = from([member('a', 1), member('b', 0), member('a', 0), member('b', 1)]).pipe(
      groupSamples(),
      toArray(),
    );
    expect((await lastValueFrom(groups)).map((g) => g.map((m) => `${m.promptId}${m.sampleIndex}`))).toEqual([
      ['a0', 'a1'],
      ['b0', 'b1'],
    ]);
  });
  it('gives out what there is when the source completes', async () => {
    const groups = of(member('a', 0)).pipe(groupSamples(), toArray());
    expect(await lastValueFrom(groups)).toEqual([[member('a', 0)]]);
  });
  it('gives out an incomplete group when its time is up, and starts over after it', () => {
    const test = scheduler();
    test.run(({ hot, expectObservable }) => {
      const members = { a: member('p', 0), b: member('p', 1) };
      const grouped = hot('a----b---', members).pipe(groupSamples({ timeoutMs: 3, scheduler: test }));
      expectObservable(grouped).toBe('---x----y', { x: [members.a], y: [members.b] });
    });
  });
});

describe('credit', () => {
  const counting = (limit: number) => {
    let read = 0;
    const source = (async function* () {
      for (; read < limit; ) yield read++;
    })();
    return { source, read: () => read };
  };
  it('reads no more than its credit of a sink that never finishes', async () => {
    const { source, read } = counting(1_000_000);
    const { records } = credit(source, 8);
    const eight = new Subject<void>();
    let seen = 0;
    const subscription = records
      .pipe(
        tap(() => ++seen === 8 && eight.next()),
        mergeMap(() => NEVER),
      )
      .subscribe();
    await new Promise<void>((resolve) => eight.subscribe(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(read()).toBe(8);
    subscription.unsubscribe();
  });
  it('goes on as credit comes back, to the end', async () => {
    const { source } = counting(100);
    const { records, release } = credit(source, 3);
    const all = await lastValueFrom(
      records.pipe(
        delay(0),
        tap(() => release()),
        toArray(),
      ),
    );
    expect(all).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
  it('refuses credit that is no positive integer', () =>
    expect(() => credit(counting(1).source, 0)).toThrow(RangeError));
});

describe('deadLetter', () => {
  it('lets the others pass and tosses what fails, once its attempts are used up', async () => {
    const tossed: Failure<number>[] = [];
    let tries = 0;
    const operator = () =>
      map((n: number) => {
        if (n === 2 && ++tries > 0) throw new Error('no twos');
        return n * 10;
      });
    const out = from([1, 2, 3]).pipe(
      deadLetter(operator, { onDeadLetter: (f) => void tossed.push(f), attempts: 3, backoffMs: 0 }),
      toArray(),
    );
    expect(await lastValueFrom(out)).toEqual([10, 30]);
    expect(tries).toBe(3);
    expect(tossed).toMatchObject([{ records: [2], cause: 'failed', attempts: 3 }]);
  });
  it('does not try again after a mistake that stays one', async () => {
    let tries = 0;
    const failing = () =>
      mergeMap(() => {
        tries++;
        return throwError(() => new UserError('prompt-too-long', 'too long'));
      });
    const causes: string[] = [];
    await lastValueFrom(of(1).pipe(deadLetter(failing, { onDeadLetter: (f) => void causes.push(f.cause) })), {
      defaultValue: null,
    });
    expect([tries, causes]).toEqual([1, ['prompt-too-long']]);
  });
  it('gives out nothing of a unit that fails half-way', async () => {
    const half = () =>
      mergeMap((n: number) =>
        concat(
          of(n),
          throwError(() => new Error('then not')),
        ),
      );
    const out = of(1).pipe(deadLetter(half, { onDeadLetter: () => {}, attempts: 1 }), toArray());
    expect(await lastValueFrom(out)).toEqual([]);
  });
  it('runs a unit of no outputs', async () =>
    expect(await lastValueFrom(runUnit([1], () => mergeMap(() => EMPTY)))).toEqual([]));
});
