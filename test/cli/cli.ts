import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFailed, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
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

export const rlsd = (args: readonly string[], input = ''): Promise<Finished> => finished(start(args), input);

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
