import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { abortable } from '../../../src/operators/internal/abortable.js';

describe('abortable', () => {
  it('emits the result', async () => expect(await lastValueFrom(abortable(async () => 7))).toBe(7));

  it('fails with the error', () =>
    expect(lastValueFrom(abortable(() => Promise.reject(new Error('no'))))).rejects.toThrow('no'));

  it('fails when the work throws at once', () =>
    expect(
      lastValueFrom(
        abortable(() => {
          throw new Error('at once');
        }),
      ),
    ).rejects.toThrow('at once'));

  it('runs for each subscriber with a signal of its own', () => {
    const signals: AbortSignal[] = [];
    const work = abortable((signal) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    const [first, second] = [work.subscribe(), work.subscribe()];
    first.unsubscribe();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    second.unsubscribe();
  });
});
