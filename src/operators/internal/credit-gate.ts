import { positiveInteger } from './settings.js';

/** Counts what has been read and is not yet done. */
export interface CreditGate {
  readonly limit: number;
  /** How much more may be read. */
  readonly free: number;
  readonly taken: number;
  take(count?: number): void;
  /** Gives credit back, at most what is taken. @throws {RangeError} unless `count` is a positive integer. */
  release(count?: number): void;
  /** Resolves at the next `release` or `wake`. */
  changed(): Promise<void>;
  wake(): void;
}

/** @throws {RangeError} unless `limit` is a positive integer. */
export function creditGate(limit: number): CreditGate {
  positiveInteger('credit', limit);
  let taken = 0;
  let waiting: (() => void)[] = [];
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  return {
    limit,
    get free() {
      return limit - taken;
    },
    get taken() {
      return taken;
    },
    take(count = 1) {
      taken += count;
    },
    release(count = 1) {
      taken = Math.max(0, taken - positiveInteger('release', count));
      wake();
    },
    changed: () => new Promise((resolve) => waiting.push(resolve)),
    wake,
  };
}
