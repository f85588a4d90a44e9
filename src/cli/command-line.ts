import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { UserError } from '../support/errors.js';
import { redactMessage } from '../support/secrets.js';
import { Interrupted } from './interrupt.js';
import { program } from './program.js';

/** Codes of errors that are not the request's fault; they exit with 1 instead of 2. */
const failures = [
  ...['stopped', 'run-failed', 'damaged-record', 'damaged-log'],
  ...['damaged-weights', 'topics-corrupt', 'topics-gone'],
];

function exitCodeOf(error: Error): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) return error.exitCode;
  if (!(error instanceof UserError) || failures.includes(error.code)) return 1;
  return error.code === 'no-signal' ? 3 : 2;
}

function report(error: Error): void {
  // Errors of the operating system (no such folder, no permission, no space) explain themselves.
  const isExplained = error instanceof UserError || 'syscall' in error;
  process.stderr.write(redactMessage(`rlsd: ${error.message}\n`));
  if (process.env.RLSD_DEBUG) process.stderr.write(redactMessage(`${inspect(error)}\n`));
  else if (!isExplained || (error.cause !== undefined && !(error.cause instanceof UserError)))
    process.stderr.write('rlsd: Unexpected error. Set RLSD_DEBUG=1 for a stack trace.\n');
}

/**
 * Runs `rlsd` with these arguments, and sets `process.exitCode` where it is not 0. Never rejects: what fails is
 * reported on stderr.
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(args, { from: 'user' });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    // Commander has written its own messages.
    if (!(error instanceof CommanderError)) report(error);
    const code = exitCodeOf(error);
    if (code !== 0) process.exitCode = code;
  }
}
