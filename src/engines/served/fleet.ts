import { setTimeout as wait } from 'node:timers/promises';
import { UserError } from '../../support/errors.js';
import { newGate } from './gate.js';
import { Busy, type Connection, Unreachable } from './http.js';
import { newPool, type PoolOptions } from './pool.js';

/** One server of a fleet, as work sees it. */
export interface Server {
  readonly connection: Connection;
  /** Changes whenever what was known of the server no longer holds. */
  readonly life: number;
}

/** Thrown by work where a server no longer has what it was readied for; it is readied again then. */
export class Stale extends Error {}

export interface FleetOptions extends PoolOptions {
  /** Attempts after the first where a server that answers cannot serve a request. */
  readonly retries: number;
  /** Milliseconds without any server before work fails. */
  readonly outageMs: number;
  /** Milliseconds before the first retry, doubled with each further one. Default 200. */
  readonly backOffMs?: number;
  /** Milliseconds between looks at a server. Default 5000. */
  readonly healthMs?: number;
  /** Readies a server for work of a key, such as by loading its weights. Called before each work. */
  readonly prepare?: (server: Server, key: string, signal: AbortSignal) => Promise<void>;
  /** Whether a server still was what the key says when it answered; otherwise the answer is dropped. */
  readonly confirm?: (server: Server, key: string, signal: AbortSignal) => Promise<boolean>;
}

export type Work<T> = (server: Server, signal: AbortSignal) => Promise<T>;

/** Several servers of the same model. */
export interface Fleet {
  /**
   * Does work at the server with the least to do, and again at another where that one fails. Work of different keys is
   * not done at the same time.
   * @throws {UserError} `no-server` after an outage; `server-busy`; `other-weights`; and what the work throws
   */
  run<T>(key: string, work: Work<T>, signal?: AbortSignal): Promise<T>;
  close(): void;
}

/** A server may lose what it was readied for so many times during one request before another program is to blame. */
const CHANGES = 5;
const SLOWEST = 5_000;

type Outcome<T> = { readonly result: T } | { readonly failed: 'down' | 'busy' | 'changed'; readonly problem: string };

export function newFleet(options: FleetOptions): Fleet {
  const { retries, backOffMs = 200, healthMs = 5_000 } = options;
  const gate = newGate();
  const pool = newPool(options, { backOffMs, healthMs });
  const open = new Set<AbortController>();
  let isClosed = false;

  async function attempt<T>(key: string, work: Work<T>, signal: AbortSignal): Promise<Outcome<T>> {
    const { member, request } = await pool.take(signal);
    const { connection } = member;
    const server = { connection, life: member.life() };
    try {
      await options.prepare?.(server, key, request.signal);
      const result = await work(server, request.signal);
      const holds = (await options.confirm?.(server, key, request.signal)) ?? true;
      if (holds) return { result };
      if (server.life === member.life()) member.forget();
      return { failed: 'changed', problem: `${connection.name}: other weights were loaded meanwhile` };
    } catch (error) {
      signal.throwIfAborted();
      const problem = error instanceof Error ? error.message : String(error);
      if (error instanceof Stale) {
        if (server.life === member.life()) member.forget();
        return { failed: 'changed', problem };
      }
      if (request.signal.aborted) return { failed: 'down', problem };
      if (!(error instanceof Unreachable || error instanceof Busy)) throw error;
      const isDown = (error instanceof Unreachable || error.status >= 500) && (await member.look()) !== undefined;
      return { failed: isDown ? 'down' : 'busy', problem };
    } finally {
      request.end();
      pool.changed();
    }
  }

  async function persist<T>(key: string, work: Work<T>, signal: AbortSignal): Promise<T> {
    const failures = { down: 0, busy: 0, changed: 0 };
    for (;;) {
      const outcome = await attempt(key, work, signal);
      if ('result' in outcome) return outcome.result;
      const { failed, problem } = outcome;
      const count = ++failures[failed];
      if (failed === 'changed' && count >= CHANGES) throw contended(problem, count);
      if (failed !== 'changed' && count > retries)
        throw new UserError('server-busy', `${problem}; tried ${count} times`);
      if (failed === 'busy') await wait(Math.min(SLOWEST, backOffMs * 2 ** (count - 1)), undefined, { signal });
    }
  }

  return {
    async run(key, work, signal) {
      if (isClosed) throw new Error('the engine was closed');
      signal?.throwIfAborted();
      const own = new AbortController();
      const onAbort = () => own.abort(signal?.reason);
      open.add(own);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        await gate.enter(key, own.signal);
        try {
          return await persist(key, work, own.signal);
        } finally {
          gate.leave();
        }
      } finally {
        open.delete(own);
        signal?.removeEventListener('abort', onAbort);
      }
    },
    close() {
      isClosed = true;
      for (const own of open) own.abort(new Error('the engine was closed'));
      pool.close();
    },
  };
}

const contended = (problem: string, count: number): UserError =>
  new UserError(
    'other-weights',
    `${problem}, ${count} times during one request: another program, or another process of this run, loads weights ` +
      'into the same server; give each servers of its own',
  );
