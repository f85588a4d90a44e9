import { Observable, type Subscriber } from 'rxjs';
import { type CreditGate, creditGate } from './internal/credit-gate.js';

export interface Credited<T> {
  /** Takes one subscriber at a time; each subscription starts with full credit. */
  readonly records: Observable<T>;
  /**
   * Returns credit once the records are done for good.
   * @throws {RangeError} unless `count` is a positive integer.
   */
  release(count?: number): void;
}

/**
 * Reads a source only while there is credit: at most `limit` records are out and not yet released.
 *
 * RxJS has no backpressure (`mergeMap(f, 4)` over a fast source buffers all of it), so this keeps a pipeline bounded.
 * Release where a record's results are safe, not where its work begins.
 *
 * A second subscriber, while the first is there, gets an error: both would compete for the same credit. Use `share()`.
 *
 * @throws {RangeError} unless `limit` is a positive integer.
 * @example
 * const { records, release } = credit(readPrompts(file), 64);
 * records.pipe(rollout(policy, settings), tap(() => release())).subscribe(save);
 */
export function credit<T>(source: AsyncIterable<T>, limit: number): Credited<T> {
  let gate = creditGate(limit);
  let taken = false;
  const records = new Observable<T>((subscriber) => {
    if (taken) {
      subscriber.error(new Error('credit: `records` has a subscriber already; use share() to serve several'));
      return;
    }
    taken = true;
    // The records of an earlier subscription are gone, and so are their claims on the credit.
    gate = creditGate(limit);
    subscriber.add(() => {
      taken = false;
    });
    read(source, gate, subscriber);
  });
  return { records, release: (count) => gate.release(count) };
}

function read<T>(source: AsyncIterable<T>, gate: CreditGate, subscriber: Subscriber<T>): void {
  let ended = false;
  const iterator = source[Symbol.asyncIterator]();
  const pump = async () => {
    while (!subscriber.closed) {
      if (gate.free === 0) {
        await gate.changed();
        continue;
      }
      const next = await iterator.next();
      if (next.done) {
        ended = true;
        subscriber.complete();
        return;
      }
      gate.take();
      subscriber.next(next.value);
    }
  };
  // After the subscriber has left, RxJS hands errors to `config.onStoppedNotification`.
  const fail = (error: unknown) => subscriber.error(error);
  subscriber.add(() => {
    gate.wake();
    if (!ended) close(iterator).catch(fail);
  });
  pump().catch((error) => {
    ended = true;
    fail(error);
  });
}

async function close(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.return?.();
}
