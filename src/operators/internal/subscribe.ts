import { type Observable, type Observer, Subject, type Subscriber, takeUntil } from 'rxjs';

/** Subscribes on behalf of `subscriber`; its end stops the source, even one that emits synchronously. */
export function subscribeFor<T>(
  subscriber: Subscriber<unknown>,
  source: Observable<T>,
  { next, complete }: Pick<Observer<T>, 'next' | 'complete'>,
): void {
  const left = new Subject<void>();
  subscriber.add(() => left.next());
  source.pipe(takeUntil(left)).subscribe({
    // What the handlers throw is an error of the stream.
    next(value) {
      try {
        next(value);
      } catch (error) {
        subscriber.error(error);
      }
    },
    error: (error) => subscriber.error(error),
    complete() {
      if (!subscriber.closed) complete();
    },
  });
}
