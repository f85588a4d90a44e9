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
import { duration, positiveInteger } from './internal/settings.js';

/** Records that an operator could not process. */
export interface Failure<T> {
  readonly records: readonly T[];
  readonly error: Error;
  /** The code of a `UserError`, otherwise `failed`. */
  readonly cause: string;
  readonly attempts: number;
}

export interface AttemptSettings {
  /** Attempts in total, for errors that may pass. A `UserError` is not retried. Default 3. */
  readonly attempts?: number;
  /** Delay before the second attempt in milliseconds; doubles with each further one. Default 100. */
  readonly backoffMs?: number;
}

/** An error that carries the records of the failed unit. */
export class UnitFailed<T> extends Error {
  override readonly name = 'UnitFailed';
  constructor(readonly failure: Failure<T>) {
    super(failure.error.message, { cause: failure.error });
  }
}

/**
 * Runs one unit of records through an operator and emits all outputs in one array. Only this unit is retried: an outer
 * `retry` would resubscribe to the source.
 *
 * @throws {UnitFailed} on the stream, after the last attempt.
 * @throws {RangeError} for settings that cannot work.
 */
export function runUnit<T, U>(
  records: readonly T[],
  operator: () => OperatorFunction<T, U>,
  settings: AttemptSettings = {},
): Observable<U[]> {
  const attempts = positiveInteger('attempts', settings.attempts ?? 3);
  const backoffMs = duration('backoffMs', settings.backoffMs ?? 100);
  return defer(() => {
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
        return throwError(() => new UnitFailed({ records, error, cause: causeOf(error), attempts: tried }));
      }),
    );
  });
}

/** The short code of an error, for dead letters. */
export const causeOf = (error: Error): string => (error instanceof UserError ? error.code : 'failed');

export interface DeadLetterSettings<T> extends AttemptSettings {
  /** Receives what failed; the stream continues once the result has resolved. */
  readonly onDeadLetter: (failure: Failure<T>) => Promise<void> | void;
  /** Records processed at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
}

/**
 * Runs an operator on each record separately. A record that fails goes to `onDeadLetter`; the others continue.
 *
 * @throws {RangeError} for settings that cannot work.
 * @example
 * const onDeadLetter = ({ cause, error }) => console.error(cause, error.message);
 * rollouts$.pipe(deadLetter(() => verify(verifier, { reference }), { onDeadLetter }));
 */
export function deadLetter<T, U>(
  operator: () => OperatorFunction<T, U>,
  settings: DeadLetterSettings<T>,
): OperatorFunction<T, U> {
  const { onDeadLetter } = settings;
  const concurrency = positiveInteger('concurrency', settings.concurrency ?? 1);
  positiveInteger('attempts', settings.attempts ?? 3);
  duration('backoffMs', settings.backoffMs ?? 100);
  const report = async (failure: Failure<T>) => onDeadLetter(failure);
  return mergeMap(
    (record: T) =>
      runUnit([record], operator, settings).pipe(
        mergeAll(),
        catchError((error: UnitFailed<T>) => from(report(error.failure)).pipe(mergeMap(() => EMPTY))),
      ),
    concurrency,
  );
}
