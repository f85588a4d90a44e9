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
 * A gate for a resource that is in one of several states at a time, such as the weights of a server. A caller that wants
 * the present state enters even if others wait: it is the rest of a step, and each change costs a reload. The credit of
 * the stages bounds the callers, so those that wait get their turn.
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
