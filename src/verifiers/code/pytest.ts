import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../../support/errors.js';
import type { Program } from '../sandbox/run.js';
import type { Tests } from './tests.js';

const run = promisify(execFile);

/** Whether tests need pytest: they name it, or have what it alone collects. */
export function usesPytest(tests: Exclude<Tests, { kind: 'output' }>): boolean {
  if (tests.kind === 'assertions') return tests.assertions.some((text) => /\bpytest\b/.test(text));
  return /\bpytest\b|^(?:async\s+)?def\s+test|^class\s+\w+\s*(?:\(\s*(?:object\s*)?\))?\s*:/m.test(tests.source);
}

async function hasPytest(python: string): Promise<boolean> {
  const find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)";
  try {
    await run(python, ['-s', '-c', find]);
    return true;
  } catch {
    return false;
  }
}

/** A Python on this machine that has pytest: `first`, or else one on the PATH. */
export async function findPytest(first: string): Promise<string | undefined> {
  if (await hasPytest(first)) return first;
  for (const folder of new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/bin'])) {
    const python = join(folder, 'python3');
    if (!existsSync(python)) continue;
    const { stdout } = await run(python, ['-c', 'import sys; print(sys.base_prefix)']);
    const own = join(stdout.trim(), 'bin', 'python3');
    if (await hasPytest(own)) return own;
  }
  return undefined;
}

const found = new Map<string, Promise<string | undefined>>();

/**
 * The program's command with a Python that has pytest: its own, or else any other one on the PATH, which need not be of
 * the same version.
 *
 * @throws {UserError} that says what to install
 */
export async function withPytest(program: Program): Promise<Program> {
  const [python = '', ...args] = program.command;
  const search = found.get(python) ?? findPytest(python);
  found.set(python, search);
  const other = await search;
  if (other === undefined) {
    throw new UserError(
      'toolchain-missing',
      'the tests need pytest, which no python3 on the PATH has: apt-get install python3-pytest, or pip install pytest',
    );
  }
  if (other === python) return program;
  const root = join(other, '..', '..');
  return { ...program, command: [other, ...args], binds: root === '/usr' ? [] : [root] };
}
