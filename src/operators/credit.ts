import { Observable } from 'rxjs';

export interface Credited<T> {
  readonly records: Observable<T>;
  /** Gives credit back, once the work on that many records is done for good. */
  release(count?: number): void;
}

/**
 * An observable that reads its source only while there is credit: at most `limit` records are out and not yet released.
 *
 * RxJS itself has no backpressure (`mergeMap(f, 4)` over a fast source buffers all of it), so this is how a pipeline
 * stays bounded: release where a record's results are safe, not where its work begins.
 *
 * @throws {RangeError} when `limit` is not a positive integer.
 * @example
 * const { records, release } = credit(readPrompts(file), 64);
 * records.pipe(rollout(policy, settings), tap(() => release())).subscribe(save);
 */
export function credit<T>(source: AsyncIterable<T>, limit: number): Credited<T> {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`credit must be a positive integer, found ${limit}`);
  let available = limit;
  let wake: (() => void) | undefined;
  const records = new Observable<T>((subscriber) => {
    const iterator = source[Symbol.asyncIterator]();
    const pump = async () => {
      while (!subscriber.closed) {
        if (available === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        available--;
        const next = await iterator.next();
        if (next.done) return subscriber.complete();
        subscriber.next(next.value);
      }
    };
    pump().catch((error) => subscriber.error(error));
    return () => {
      wake?.();
      void iterator.return?.();
    };
  });
  return {
    records,
    release(count = 1) {
      available = Math.min(limit, available + count);
      wake?.();
    },
  };
}
