import { Observable } from 'rxjs';

/**
 * Runs work for each subscriber. Its signal aborts when the subscriber leaves before the work is done.
 *
 * @example
 * mergeMap((rollout) => abortable((signal) => verifier.verify(questionOf(rollout), signal)));
 */
export function abortable<T>(work: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    const abort = new AbortController();
    let settled = false;
    const run = async () => {
      try {
        const result = await work(abort.signal);
        settled = true;
        subscriber.next(result);
        subscriber.complete();
      } catch (error) {
        settled = true;
        subscriber.error(error);
      }
    };
    void run();
    return () => {
      if (!settled) abort.abort();
    };
  });
}
