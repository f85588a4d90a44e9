import { constants } from 'node:os';
import { UserError } from '../support/errors.js';

type StopSignal = 'SIGINT' | 'SIGTERM';

/** Work that a signal has stopped cleanly. */
export class Interrupted extends UserError {
  constructor(
    /** As a shell reports a process that the signal ended: 128 and the signal's number. */
    readonly exitCode: number,
    message: string,
  ) {
    super('stopped', message);
  }
}

/**
 * Does work that Ctrl-C or a termination request stops cleanly; a second one ends the process at once.
 * @throws {Interrupted} when the work ends because of that
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let by: StopSignal | undefined;
  const stop = (name: StopSignal) => {
    by = name;
    abort.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(abort.signal);
  } catch (error) {
    if (by === undefined || !(error instanceof UserError) || error.code !== 'stopped') throw error;
    throw new Interrupted(128 + constants.signals[by], error.message);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
