import {
  catchError,
  defer,
  EMPTY,
  from,
  mergeAll,
  mergeMap,
  type Observable,
  type OperatorFunction,
  retry,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { UserError } from '../support/errors.js';

/** A unit of work that an operator could not do. */
export interface Failure<T> {
  readonly records: readonly T[];
  readonly error: Error;
  /** Short code: the `UserError`'s own, otherwise `failed`. */
  readonly cause: string;
  readonly attempts: number;
}

export interface AttemptSettings {
  /** Tries in all, for errors that may pass. A `UserError` is final at once. Default 3. */
  readonly attempts?: number;
  /** Wait before the second try, doubled for each further one. Default 100 ms. */
  readonly backoffMs?: number;
}

/** An error that carries the failed unit. */
export class UnitFailed<T> extends Error {
  override readonly name = 'UnitFailed';
  constructor(readonly failure: Failure<T>) {
    super(failure.error.message, { cause: failure.error });
  }
}

/**
 * Runs one unit of records through an operator: all of its outputs in one array, or a `UnitFailed` error. Retries happen in
 * here, around this unit alone; further out they would subscribe to the source again.
 */
export function runUnit<T, U>(
  records: readonly T[],
  operator: () => OperatorFunction<T, U>,
  settings: AttemptSettings = {},
): Observable<U[]> {
  const { attempts = 3, backoffMs = 100 } = settings;
  let tried = 0;
  return defer(() => {
    tried++;
    return from(records).pipe(operator(), toArray());
  }).pipe(
    retry({
      count: attempts - 1,
      delay: (error, count) =>
        error instanceof UserError ? throwError(() => error) : timer(backoffMs * 2 ** (count - 1)),
    }),
    catchError((thrown) => {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const cause = error instanceof UserError ? error.code : 'failed';
      return throwError(() => new UnitFailed({ records, error, cause, attempts: tried }));
    }),
  );
}

export interface DeadLetterSettings<T> extends AttemptSettings {
  /** Takes what failed; the stream goes on once it has resolved. */
  readonly toss: (failure: Failure<T>) => Promise<void> | void;
  /** Records worked on at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
}

/**
 * Runs an operator on each record by itself, so that one that fails goes to `toss` and the others go on.
 *
 * @example
 * rollouts$.pipe(deadLetter(() => verify(verifier, references), { toss: (f) => console.error(f.cause, f.error.message) }));
 */
export function deadLetter<T, U>(
  operator: () => OperatorFunction<T, U>,
  settings: DeadLetterSettings<T>,
): OperatorFunction<T, U> {
  const { toss, concurrency = 1 } = settings;
  return mergeMap(
    (record: T) =>
      runUnit([record], operator, settings).pipe(
        mergeAll(),
        catchError((error: UnitFailed<T>) => from(Promise.resolve(toss(error.failure))).pipe(mergeMap(() => EMPTY))),
      ),
    concurrency,
  );
}
