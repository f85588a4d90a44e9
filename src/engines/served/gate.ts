interface Waiter {
  readonly key: string;
  enter(): void;
}

/** Lets in all who want the same thing at the same time. */
export interface Gate {
  /** Resolves once nobody who wants something else is inside. */
  enter(key: string, signal?: AbortSignal): Promise<void>;
  leave(): void;
}

/**
 * A gate for something that can be only one of several things at a time, such as the weights of a server. Who wants what
 * it is at present comes in even if others wait: they are the rest of a step, and each change costs a reload. Everything
 * that comes in is bounded by the credit of its stage, so those who wait have their turn.
 */
export function newGate(): Gate {
  let present = '';
  let inside = 0;
  const waiting: Waiter[] = [];

  const admitNext = () => {
    const [first] = waiting;
    if (!first) return;
    present = first.key;
    for (let k = 0; k < waiting.length; ) {
      const waiter = waiting[k];
      if (waiter?.key !== present) k++;
      else {
        waiting.splice(k, 1);
        inside++;
        waiter.enter();
      }
    }
  };

  return {
    enter(key, signal) {
      if (inside === 0 || key === present) {
        present = key;
        inside++;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(signal?.reason);
        };
        const waiter: Waiter = {
          key,
          enter() {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        waiting.push(waiter);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    leave() {
      inside--;
      if (inside === 0) admitNext();
    },
  };
}
