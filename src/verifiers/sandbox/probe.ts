import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { UserError } from '../../support/errors.js';
import { defaultLimits } from './limits.js';
import { type Ended, runProgram } from './run.js';
import { seccompProgram } from './seccomp.js';

/** What this machine lacks, one line each with the remedy. Empty if untrusted programs can run. */
export type Missing = readonly string[];

async function has(command: string): Promise<boolean> {
  try {
    await promisify(execFile)(command, ['--version']);
    return true;
  } catch {
    return false;
  }
}

// Prints "can fork" if one more process is allowed, and "no limit" if sixty more are.
const forks =
  'true & wait $!; echo can fork; i=0; while [ $i -lt 60 ]; do sleep 9 & i=$((i+1)); done 2>/dev/null; echo no limit';

async function probe(): Promise<Missing> {
  if (process.platform !== 'linux') return [`the sandbox needs Linux; found ${process.platform}`];
  const missing: string[] = [];
  if (!seccompProgram()) missing.push(`a system call filter exists for x64 and arm64; found ${process.arch}`);
  if (!(await has('bwrap'))) missing.push('bubblewrap (the command bwrap): apt-get install bubblewrap');
  const tools = ['prlimit', ...(process.getuid?.() === 0 ? ['setpriv'] : [])];
  for (const tool of tools) if (!(await has(tool))) missing.push(`the command ${tool}: apt-get install util-linux`);
  if (!existsSync('/proc/self/task') || !existsSync(`/proc/self/task/${process.pid}/children`)) {
    missing.push(
      '/proc with the children of a task (kernel option CONFIG_PROC_CHILDREN), to hold the memory of a whole tree',
    );
  }
  if (missing.length > 0) return missing;
  let ended: Ended;
  try {
    ended = await runProgram({
      command: ['sh', '-c', forks],
      files: [],
      binds: [],
      limits: { ...defaultLimits, processes: 16 },
    });
  } catch (cause) {
    return [`bubblewrap could not make the sandbox (${cause instanceof Error ? cause.message : cause})${namespaces()}`];
  }
  const said = ended.stdout.toString();
  if (ended.ending !== 'exit' || !said.startsWith('can fork')) {
    return [`a program in the sandbox could not start: ${ended.stderr.trim() || said.trim() || ended.ending}`];
  }
  return said.includes('no limit') ? ['a limit on processes that binds inside the sandbox (Linux 5.14 or newer)'] : [];
}

function namespaces(): string {
  const settings = [
    'kernel/unprivileged_userns_clone',
    'user/max_user_namespaces',
    'kernel/apparmor_restrict_unprivileged_userns',
  ];
  const found = settings
    .filter((setting) => existsSync(`/proc/sys/${setting}`))
    .map((setting) => `${setting.replaceAll('/', '.')} = ${readFileSync(`/proc/sys/${setting}`, 'utf8').trim()}`);
  const values = found.length > 0 ? ` (found ${found.join(', ')})` : '';
  const container = 'in a container with --security-opt seccomp=unconfined or CAP_SYS_ADMIN';
  return `; user namespaces must be allowed${values}, ${container}`;
}

let probed: Promise<Missing> | undefined;

/** Tries the sandbox, once per process. */
export function probeSandbox(): Promise<Missing> {
  probed ??= probe();
  return probed;
}

/**
 * Rejects with a `UserError` that names everything missing, instead of running untrusted programs with less isolation.
 */
export async function requireSandbox(): Promise<void> {
  const missing = await probeSandbox();
  if (missing.length === 0) return;
  throw new UserError(
    'sandbox-denied',
    `untrusted programs are refused: this machine has no sandbox for them. Missing: ${missing.join('; ')}. ` +
      '(unsafeWithoutSandbox: true runs them with the rights of this user.)',
  );
}
