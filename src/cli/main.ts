#!/usr/bin/env node
import { UserError } from '../errors.js';
import { program } from './program.js';

// A reader that closed the pipe (`rlsd tail … | head`) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`rlsd: ${error.message}\n`);
  process.exitCode = ['stopped', 'run-failed'].includes(error.code) ? 1 : 2;
}
