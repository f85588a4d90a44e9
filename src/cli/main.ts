#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

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
await runCommandLine(process.argv.slice(2));
clearInterval(alive);
