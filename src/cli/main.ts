#!/usr/bin/env node
import { inspect } from 'node:util';
import { UserError } from '../support/errors.js';
import { redact } from '../support/secrets.js';
import { Interrupted } from './interrupt.js';
import { program } from './program.js';

/** Codes of errors that are not the request's fault; they exit with 1 instead of 2. */
const failures = ['stopped', 'run-failed', 'damaged-record', 'damaged-log', 'topics-corrupt'];

function exitCodeOf(error: Error): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (!(error instanceof UserError) || failures.includes(error.code)) return 1;
  return error.code === 'no-signal' ? 3 : 2;
}

/** Commands whose purpose is not their output. */
const workers = ['run', 'resume', 'replay'];

// A closed pipe (`rlsd tail … | head`) means that the reader has seen enough; a run that it interrupts has not
// succeeded.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? (workers.includes(process.argv[2] ?? '') ? 1 : 0));
});

// Idle worker threads keep no process alive, so a command that waits for one of them to end has to do it itself.
const alive = setInterval(() => {}, 60_000);
try {
  await program().parseAsync();
} catch (thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  // Errors of the operating system (no such folder, no permission, no space) explain themselves.
  const isExplained = error instanceof UserError || 'syscall' in error;
  process.stderr.write(redact(`rlsd: ${error.message}\n`));
  if (process.env.RLSD_DEBUG) process.stderr.write(redact(`${inspect(error)}\n`));
  else if (!isExplained || (error.cause !== undefined && !(error.cause instanceof UserError)))
    process.stderr.write('rlsd: Unexpected error. Set RLSD_DEBUG=1 for a stack trace.\n');
  process.exitCode = exitCodeOf(error);
} finally {
  clearInterval(alive);
}
