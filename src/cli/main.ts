#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const LEAST_FILES = 256;

/** How many files this process may open, as far as the system tells. */
function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY; // not Linux
  }
}

/** Commands whose purpose is not their output. */
const workers = ['run', 'resume', 'replay'];

// A closed pipe (`rlsd tail … | head`) means that the reader has seen enough; a run that it interrupts has not
// succeeded.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? (workers.includes(process.argv[2] ?? '') ? 1 : 0));
});

// Node opens all modules of a program at once, and where it may not, it says that a package is missing.
const files = openFileLimit();
if (files < LEAST_FILES) {
  const expected = `expected at least ${LEAST_FILES}: raise it with \`ulimit -n ${4 * LEAST_FILES}\``;
  process.stderr.write(`rlsd: found a limit of ${files} open files, ${expected}\n`);
  process.exit(1);
}
const { runCommandLine } = await import('./command-line.js');

// Idle worker threads keep no process alive, so a command that waits for one of them to end has to do it itself.
const alive = setInterval(() => {}, 60_000);
await runCommandLine(process.argv.slice(2));
clearInterval(alive);
