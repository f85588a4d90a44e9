import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, Refused } from './http.js';

/** A server of a fleet, whether it can be reached, and what it is doing. */
export interface Member {
  readonly connection: Connection;
  readonly isUp: () => boolean;
  /** Changes whenever the server may have restarted, or lost its state. */
  readonly life: () => number;
  readonly running: () => number;
  /** Begins a request: its signal aborts as well once the server is down. */
  begin(signal: AbortSignal): Running;
  /** What is known of the server no longer holds. */
  forget(): void;
  /** Looks whether the server answers. @returns the problem, where it is down now */
  look(): Promise<string | undefined>;
  close(): void;
}

/** A request at a server. */
export interface Running {
  readonly signal: AbortSignal;
  end(): void;
}

export interface MemberOptions {
  readonly connection: Connection;
  /** Milliseconds between looks at a server that is up. */
  readonly healthMs: number;
  /** Milliseconds before the first look at a server that is down, doubled with each further one. */
  readonly backOffMs: number;
  /** Called when the server has come up, or gone down because of a problem. */
  readonly onChange: (problem?: string) => void;
}

/** Milliseconds that an answer to a look may take. */
const LOOK = 10_000;
/** Milliseconds between looks at a server that has long been down. */
const SLOWEST = 5_000;

/** Watches a server until it is closed. Assumes that it is up. */
export function newMember({ connection, healthMs, backOffMs, onChange }: MemberOptions): Member {
  const closing = new AbortController();
  const running = new Set<AbortController>();
  let isUp = true;
  let life = 0;
  let looking: Promise<string | undefined> | undefined;

  async function ask(): Promise<string | undefined> {
    try {
      // A server without this path answers as well.
      await connection.request('/health', { signal: closing.signal, timeoutMs: LOOK }).catch((error: unknown) => {
        if (!(error instanceof Refused)) throw error;
      });
      if (!isUp) {
        isUp = true;
        onChange();
      }
      return undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (isUp && !closing.signal.aborted) {
        isUp = false;
        life++;
        for (const controller of running) controller.abort(new Error(problem));
        onChange(problem);
      }
      return problem;
    }
  }

  /** However many ask at the same time. */
  function look(): Promise<string | undefined> {
    looking ??= ask().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function watch(): Promise<void> {
    for (let misses = 0; ; ) {
      const pause = isUp ? healthMs : Math.min(SLOWEST, backOffMs * 2 ** misses);
      await wait(pause, undefined, { signal: closing.signal, ref: false });
      misses = (await look()) === undefined ? 0 : misses + 1;
    }
  }
  // Ends when the member is closed.
  watch().catch(() => {});

  return {
    connection,
    isUp: () => isUp,
    life: () => life,
    running: () => running.size,
    begin(signal) {
      const controller = new AbortController();
      const onAbort = () => controller.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      running.add(controller);
      return {
        signal: controller.signal,
        end() {
          signal.removeEventListener('abort', onAbort);
          running.delete(controller);
        },
      };
    },
    forget() {
      life++;
    },
    look,
    close() {
      closing.abort();
      connection.close();
    },
  };
}
