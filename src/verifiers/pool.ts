import { availableParallelism } from 'node:os';
import { UserError } from '../support/errors.js';
import { CrashError, createPool, DeadlineError } from '../support/workers/pool.js';
import { processes } from '../support/workers/transport.js';
import { workerUrl } from '../support/workers/url.js';
import { pooledKind } from './registry.js';
import { killTree, meterTree } from './sandbox/tree.js';
import type { Judgement, Question } from './verifier.js';

/** One item for a worker. */
export interface Item {
  readonly kind: string;
  readonly settings: unknown;
  readonly question: Question;
  /** See `Judge.judge`. */
  readonly where?: string;
  /** Whether the item itself is checked, instead of a completion judged. */
  readonly checks?: boolean;
}

/** Processes that judge one item at a time and can be killed, whatever they are doing. */
export interface Pool {
  /** Judges one item. After `seconds` of CPU time its worker is killed and the verdict is `timeout`. */
  run(item: Item, seconds: number, signal?: AbortSignal): Promise<Judgement>;
  /** Checks the item itself; see `Judge.checkItem`. Rejects with a `UserError` also after `seconds` of CPU time. */
  check(item: Item, seconds: number): Promise<void>;
  /** Workers alive now, and how many were killed or lost so far. */
  readonly state: { readonly alive: number; readonly replaced: number };
  close(): Promise<void>;
}

/** Quick items that may wait in one worker together: a message costs more than judging one of them. */
const TOGETHER = 32;
/** Loading a kind for the first time does not count against the item. */
const LOAD_SECONDS = 30;
const MAX_DEFAULT_SIZE = 8;

/**
 * Opens a pool of worker processes, started as they are needed.
 *
 * The deadline counts the CPU time of the item's own worker, so neither the queue nor a busy machine shortens it. If a
 * worker dies under an item, other than by the deadline, the item is tried once more; if the second worker dies too,
 * the verdict is `crash`. Items that shared the dead worker are asked again, each alone, so that a verdict never
 * depends on its neighbours.
 */
export function openPool(size = Math.max(1, Math.min(availableParallelism(), MAX_DEFAULT_SIZE))): Pool {
  const pool = createPool<Item>({
    start: processes(workerUrl('./worker.js', import.meta.url), { kill: killTree }),
    size,
    capacity: TOGETHER,
    lazy: true,
    meter: meterTree,
    warmUp: { key: ({ kind, settings }) => `${kind} ${JSON.stringify(settings)}`, seconds: LOAD_SECONDS },
  });
  return {
    run(item, seconds, signal) {
      const cost = pooledKind(item.kind).quick ? 1 : TOGETHER;
      return pool.call(item, cost, { seconds, signal }).then(judged, failed);
    },
    async check(item, seconds) {
      try {
        await pool.call({ ...item, checks: true }, TOGETHER, { seconds });
      } catch (error) {
        const { verdict, reason } = failed(error);
        throw new UserError('bad-reference', `the check of the reference ends in a ${verdict}: ${reason}`);
      }
    },
    get state() {
      return pool.state;
    },
    close: () => pool.close(),
  };
}

// The worker's side, in worker.ts, returns nothing else.
const judged = (result: unknown) => result as Judgement;

function failed(error: unknown): Judgement {
  if (error instanceof DeadlineError) return { verdict: 'timeout', reward: 0, reason: error.message, evidence: {} };
  if (!(error instanceof CrashError)) throw error;
  return { verdict: 'crash', reward: 0, reason: `judging it ended two workers (${error.how})`, evidence: {} };
}
