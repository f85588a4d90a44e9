/** A call ran out of time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  constructor(readonly seconds: number) {
    super(`stopped at the deadline of ${seconds} s`);
  }
}

/** A call ended two workers. */
export class CrashError extends Error {
  override readonly name = 'CrashError';
  constructor(
    /** How the second worker ended, such as `SIGSEGV`. */
    readonly how: string,
  ) {
    super(`the worker crashed twice on this request: ${how}`);
  }
}
