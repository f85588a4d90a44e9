#!/usr/bin/env node
import { inspect } from 'node:util';
import { UserError } from '../errors.js';
import { program } from './program.js';

/** Errors of the work, not of the request. */
const failures = ['stopped', 'run-failed', 'damaged-record', 'damaged-log', 'topics-corrupt'];

// A reader that closed the pipe (`rlsd tail … | head`) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program().parseAsync();
} catch (thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const expected = error instanceof UserError;
  process.stderr.write(`rlsd: ${error.message}\n`);
  if (process.env.RLSD_DEBUG) process.stderr.write(`${inspect(error)}\n`);
  else if (!expected || (error.cause !== undefined && !(error.cause instanceof UserError)))
    process.stderr.write('rlsd: this was not foreseen; with RLSD_DEBUG=1 it shows where it comes from\n');
  process.exitCode = expected && !failures.includes(error.code) ? 2 : 1;
}
