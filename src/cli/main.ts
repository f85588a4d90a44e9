#!/usr/bin/env node
import { inspect } from 'node:util';
import { UserError } from '../support/errors.js';
import { program } from './program.js';

/** Errors of the work, not of the request. */
const failures = ['stopped', 'run-failed', 'damaged-record', 'damaged-log', 'topics-corrupt'];

/** Commands that are asked for what they do, not for what they print. */
const works = ['run', 'resume', 'replay'];

// A reader that closed the pipe (`rlsd tail … | head`) has seen enough; work that this cuts short has not succeeded.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? (works.includes(process.argv[2] ?? '') ? 1 : 0));
});

try {
  await program().parseAsync();
} catch (thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const expected = error instanceof UserError;
  // What the system refuses (no such folder, no right, no room) says so itself.
  const foreseen = expected || 'syscall' in error;
  process.stderr.write(`rlsd: ${error.message}\n`);
  if (process.env.RLSD_DEBUG) process.stderr.write(`${inspect(error)}\n`);
  else if (!foreseen || (error.cause !== undefined && !(error.cause instanceof UserError)))
    process.stderr.write('rlsd: this was not foreseen; with RLSD_DEBUG=1 it shows where it comes from\n');
  process.exitCode = expected && !failures.includes(error.code) ? 2 : 1;
}
