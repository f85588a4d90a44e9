import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFailed, onTestFinished, vi } from 'vitest';
import { stringify } from 'yaml';
import { runCommandLine } from '../../src/cli/command-line.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { tinyFolder, tinyPipeline } from '../runs/tiny-run.js';

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `rlsd` as a process of its own. */
export function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Its output once it has ended. */
export async function finished(child: ChildProcess, input = ''): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const listen = async (name: keyof typeof said) => {
    for await (const chunk of child[name] ?? []) said[name] += chunk;
  };
  onTestFailed(() => {
    const end = child.exitCode ?? child.signalCode ?? 'runs';
    const tail = `${said.stdout.slice(-2000)}\n${said.stderr.slice(-2000)}`;
    process.stderr.write(`rlsd ${child.spawnargs.slice(2).join(' ')}: ${end}\n${tail}\n`);
  });
  child.stdin?.end(input);
  const [, , [code]] = await Promise.all([listen('stdout'), listen('stderr'), once(child, 'close')]);
  return { code, ...said };
}

/** `rlsd` as a process of its own, run to its end. */
export const rlsdProcess = (args: readonly string[], input = ''): Promise<Finished> => finished(start(args), input);

/**
 * `rlsd` within this process, which saves the start of another one: one command at a time, without standard input. A
 * test of signals, pipes or several processes needs `rlsdProcess` or `start`, and a run that one of them began is
 * continued by another: the sources under test are other code to it than the build.
 */
export async function rlsd(args: readonly string[]): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const writes = (['stdout', 'stderr'] as const).map((name) => {
    if (vi.isMockFunction(process[name].write)) throw new Error('another command of this process has not ended');
    return vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    });
  });
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await runCommandLine(args);
    return { code: Number(process.exitCode), ...said };
  } finally {
    process.exitCode = before;
    for (const write of writes) write.mockRestore();
  }
}

/** Lines of JSON of a process, as they come. */
export async function* jsonLines(child: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  if (!child.stdout) return;
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
}

export const parseLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** A folder with the tiny pipeline, changed as given, as `tiny.yaml`. */
export function tinyProject(change: Partial<PipelineInput> | Record<string, unknown> = {}): {
  folder: string;
  file: string;
} {
  const folder = tinyFolder();
  const file = join(folder, 'tiny.yaml');
  writeFileSync(file, stringify({ ...tinyPipeline, ...change }));
  return { folder, file };
}
