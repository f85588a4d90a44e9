import { config, delay, lastValueFrom, mergeMap, NEVER, Subject, take, tap, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { credit } from '../../src/operators/credit.js';

/** Yields 0, 1, 2, … and counts what was read. */
function counting(limit: number) {
  const state = { read: 0, returned: 0 };
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => {
      let next = 0;
      return {
        async next() {
          if (next === limit) return { done: true, value: undefined };
          state.read++;
          return { done: false, value: next++ };
        },
        async return() {
          state.returned++;
          return { done: true, value: undefined };
        },
      };
    },
  };
  return { source, state };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('credit', () => {
  it('reads no more than its credit for a sink that never finishes', async () => {
    const { source, state } = counting(1_000_000);
    const eight = new Subject<void>();
    let seen = 0;
    const subscription = credit(source, 8)
      .records.pipe(
        tap(() => ++seen === 8 && eight.next()),
        mergeMap(() => NEVER),
      )
      .subscribe();
    await new Promise<void>((resolve) => eight.subscribe(resolve));
    await turns();
    expect(state.read).toBe(8);
    subscription.unsubscribe();
  });

  it('continues to the end as credit is released', async () => {
    const { records, release } = credit(counting(100).source, 3);
    const paced = records.pipe(
      delay(0),
      tap(() => release()),
      toArray(),
    );
    expect(await lastValueFrom(paced)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('closes the source when the subscriber has enough', async () => {
    const { source, state } = counting(100);
    expect(await lastValueFrom(credit(source, 50).records.pipe(take(2), toArray()))).toEqual([0, 1]);
    await turns();
    expect(state).toEqual({ read: 2, returned: 1 });
  });

  it('reads again, with full credit, for the next subscriber', async () => {
    const { records } = credit(counting(4).source, 8);
    expect(await lastValueFrom(records.pipe(take(3), toArray()))).toEqual([0, 1, 2]);
    expect(await lastValueFrom(records.pipe(toArray()))).toEqual([0, 1, 2, 3]);
  });

  it('refuses a second subscriber while the first is there', () => {
    const { records } = credit(counting(4).source, 1);
    const subscription = records.subscribe();
    const errors: Error[] = [];
    records.subscribe({ error: (error) => errors.push(error) });
    expect(errors).toMatchObject([{ message: expect.stringMatching(/has a subscriber already; use share\(\)/) }]);
    subscription.unsubscribe();
  });

  it('ends with the error of a source that fails', async () => {
    const failing = (async function* () {
      yield 1;
      throw new Error('disk gone');
    })();
    await expect(lastValueFrom(credit(failing, 4).records)).rejects.toThrow('disk gone');
  });

  it('gives a rejecting return() to the stream, which RxJS reports as stopped', async () => {
    const stopped = vi.fn();
    config.onStoppedNotification = stopped;
    onTestFinished(() => {
      config.onStoppedNotification = null;
    });
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 1 }),
        return: async () => Promise.reject(new Error('cannot close')),
      }),
    };
    expect(await lastValueFrom(credit(source, 4).records.pipe(take(1)))).toBe(1);
    await vi.waitFor(() => expect(stopped).toHaveBeenCalled());
    expect(stopped.mock.calls[0]?.[0]).toMatchObject({ kind: 'E', error: { message: 'cannot close' } });
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a limit of %d', (limit) =>
    expect(() => credit(counting(1).source, limit)).toThrow(RangeError),
  );

  it.each([0, -1, 0.5, Number.NaN])('refuses to release %d', (count) =>
    expect(() => credit(counting(1).source, 1).release(count)).toThrow(RangeError),
  );
});
