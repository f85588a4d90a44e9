import type { Limits } from '../sandbox/limits.js';
import { type Ended, type Program, runProgram } from '../sandbox/run.js';
import { commandOf, compileLimits, type InstalledToolchain } from '../sandbox/toolchains.js';
import { clip, compareOutput, type Outcome } from './outcome.js';
import type { OutputCase } from './tests.js';

/** A program ready to run, or the compiler's diagnostics. */
export type Built = { readonly program: Program } | { readonly diagnostics: string; readonly ending: Ended['ending'] };

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Builds a program in its own sandbox. The built file comes back over standard output, so nothing of the untrusted
 * program is ever written to the host's disk.
 */
export async function buildProgram(
  toolchain: InstalledToolchain,
  code: string,
  limits: Limits,
  unsafeWithoutSandbox: boolean,
  compiling: Limits = compileLimits,
): Promise<Built> {
  const common = {
    binds: toolchain.binds,
    environment: toolchain.environment ?? {},
    reserves: toolchain.reserves ?? false,
    unsafeWithoutSandbox,
  };
  const source = { path: toolchain.source, content: code };
  const command = commandOf(toolchain, toolchain.run);
  if (!toolchain.compile) return { program: { ...common, command, files: [source], limits } };
  const steps = toolchain.compile.map((step) => commandOf(toolchain, step).map(quote).join(' '));
  const ended = await runProgram({
    ...common,
    command: ['sh', '-c', `{ ${steps.join(' && ')}; } 1>&2 && cat program`],
    files: [source],
    limits: compiling,
    reserves: true,
  });
  if (ended.ending !== 'exit' || ended.status !== 0) return { diagnostics: ended.stderr, ending: ended.ending };
  return {
    program: { ...common, command, files: [{ path: 'program', content: ended.stdout, executable: true }], limits },
  };
}

const outOfMemory = /MemoryError|std::bad_alloc|OutOfMemoryError|out of memory|memory allocation of \d+ bytes failed/;

/** What happened to a program that did not end normally; undefined if it did. */
export function abnormalExit(ended: Ended): Outcome | undefined {
  const tail = ended.stderr.trim().slice(-500);
  if (ended.ending === 'timeout') return { outcome: 'timeout', detail: 'stopped at its time limit' };
  if (ended.ending === 'memory') return { outcome: 'memory', detail: 'stopped at its memory limit' };
  if (ended.ending === 'output') return { outcome: 'crash', detail: 'stopped at its limit on output' };
  if (ended.status === 0) return undefined;
  return { outcome: outOfMemory.test(tail) ? 'memory' : 'crash', detail: `exit status ${ended.status}; ${clip(tail)}` };
}

/** Runs the program on one input. The expected output stays in this process. */
export async function runCase(program: Program, test: OutputCase): Promise<Outcome> {
  const ended = await runProgram(program, test.stdin);
  return abnormalExit(ended) ?? compareOutput(ended.stdout.toString('utf8'), test.stdout);
}
