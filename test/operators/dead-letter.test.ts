import {
  concat,
  EMPTY,
  from,
  lastValueFrom,
  map,
  mergeMap,
  Observable,
  of,
  take,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deadLetter, type Failure, runUnit } from '../../src/operators/dead-letter.js';
import { UserError } from '../../src/support/errors.js';

const ignore = { onDeadLetter: () => {} };

describe('deadLetter', () => {
  it('passes what fails to onDeadLetter after the last attempt, and the others on', async () => {
    const failures: Failure<number>[] = [];
    let tries = 0;
    const operator = () =>
      map((n: number) => {
        if (n === 2 && ++tries > 0) throw new Error('no twos');
        return n * 10;
      });
    const settings = { onDeadLetter: (f: Failure<number>) => void failures.push(f), attempts: 3, backoffMs: 0 };
    expect(await lastValueFrom(from([1, 2, 3]).pipe(deadLetter(operator, settings), toArray()))).toEqual([10, 30]);
    expect(tries).toBe(3);
    expect(failures).toMatchObject([{ records: [2], cause: 'failed', attempts: 3 }]);
  });

  it('does not retry a UserError', async () => {
    let tries = 0;
    const failing = () =>
      mergeMap(() => {
        tries++;
        return throwError(() => new UserError('prompt-too-long', 'too long'));
      });
    const causes: string[] = [];
    const settings = { onDeadLetter: ({ cause }: Failure<number>) => void causes.push(cause) };
    await lastValueFrom(of(1).pipe(deadLetter(failing, settings)), { defaultValue: null });
    expect([tries, causes]).toEqual([1, ['prompt-too-long']]);
  });

  it('emits nothing of a record that fails half-way', async () => {
    const half = () =>
      mergeMap((n: number) =>
        concat(
          of(n),
          throwError(() => new Error('no more')),
        ),
      );
    const out = of(1).pipe(deadLetter(half, { ...ignore, attempts: 1 }), toArray());
    expect(await lastValueFrom(out)).toEqual([]);
  });

  it('fails when onDeadLetter does', () => {
    const onDeadLetter = () => Promise.reject(new Error('topic is full'));
    const failing = () => map(() => JSON.parse('{'));
    const out = of(1).pipe(deadLetter(failing, { onDeadLetter, attempts: 1 }));
    return expect(lastValueFrom(out)).rejects.toThrow('topic is full');
  });

  it('stops a synchronous source when the subscriber has enough', () => {
    let read = 0;
    const counted = from([1, 2, 3, 4]).pipe(tap(() => read++));
    counted
      .pipe(
        deadLetter(() => map((n) => n), ignore),
        take(1),
      )
      .subscribe();
    expect(read).toBe(1);
  });

  it('unsubscribes from the operator when the subscriber leaves', () => {
    let left = 0;
    const slow = () => mergeMap(() => new Observable<never>(() => () => void left++));
    of(1).pipe(deadLetter(slow, ignore)).subscribe().unsubscribe();
    expect(left).toBe(1);
  });

  it.each([
    ['concurrency', 0],
    ['concurrency', Number.NaN],
    ['attempts', 0],
    ['attempts', 1.5],
    ['backoffMs', -1],
    ['backoffMs', Number.NaN],
  ])('refuses a %s of %d', (name, value) =>
    expect(() => deadLetter(() => map((n: number) => n), { ...ignore, [name]: value })).toThrow(
      new RegExp(`^${name} is ${value}, expected`),
    ),
  );
});

describe('runUnit', () => {
  it('emits an empty array for a unit without outputs', async () =>
    expect(await lastValueFrom(runUnit([1], () => mergeMap(() => EMPTY)))).toEqual([]));

  it('counts the attempts of each subscription separately', async () => {
    const unit = runUnit([1], () => map(() => JSON.parse('{')), { attempts: 2, backoffMs: 0 });
    for (const _ of [1, 2]) await expect(lastValueFrom(unit)).rejects.toMatchObject({ failure: { attempts: 2 } });
  });
});
