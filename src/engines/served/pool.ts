import { UserError } from '../../support/errors.js';
import type { Connection } from './http.js';
import { type Member, newMember, type Running } from './member.js';

export interface PoolOptions {
  readonly connections: readonly Connection[];
  /** Field of the servers' addresses, for messages. */
  readonly field: string;
  /** Requests at one server at a time. */
  readonly inFlight: number;
  /** Milliseconds without any server before work fails. */
  readonly outageMs: number;
}

export interface Taken {
  readonly member: Member;
  readonly request: Running;
}

/** Servers to be taken for one request each. */
export interface Pool {
  /**
   * Begins a request at the least busy server that is up and has room, once there is one.
   * @throws {UserError} `no-server` after an outage
   */
  take(signal: AbortSignal): Promise<Taken>;
  /** A request has ended. */
  changed(): void;
  close(): void;
}

export function newPool(
  { connections, field, inFlight, outageMs }: PoolOptions,
  pauses: { readonly backOffMs: number; readonly healthMs: number },
): Pool {
  const waiting = new Set<() => void>();
  let outage: { readonly since: number; problem: string } | undefined;
  const changed = () => {
    for (const resolve of [...waiting]) resolve();
  };
  const onChange = (problem?: string) => {
    if (problem === undefined) outage = undefined;
    else if (members.every((member) => !member.isUp())) outage ??= { since: Date.now(), problem };
    changed();
  };
  const members = connections.map((connection) => newMember({ connection, ...pauses, onChange }));

  async function take(signal: AbortSignal): Promise<Taken> {
    for (;;) {
      signal.throwIfAborted();
      const free = members.filter((member) => member.isUp() && member.running() < inFlight);
      const [first, ...others] = free;
      if (first) {
        const member = others.reduce((least, one) => (one.running() < least.running() ? one : least), first);
        // At once, so that whoever asks next sees it.
        return { member, request: member.begin(signal) };
      }
      const left = outage && outage.since + outageMs - Date.now();
      if (outage && left !== undefined && left <= 0)
        throw new UserError(
          'no-server',
          `${field}: no server has answered for ${Math.round(outageMs / 1000)} s: ${outage.problem}`,
        );
      await change(signal, left);
    }
  }

  /** Resolves when something has changed, or after a while. */
  const change = (signal: AbortSignal, ms: number | undefined) =>
    new Promise<void>((resolve, reject) => {
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      const onAbort = () => {
        done();
        reject(signal.reason);
      };
      function done() {
        clearTimeout(timer);
        waiting.delete(done);
        signal.removeEventListener('abort', onAbort);
        resolve();
      }
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.add(done);
    });

  return {
    take,
    changed,
    close() {
      for (const member of members) member.close();
    },
  };
}
