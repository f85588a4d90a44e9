import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bashCompletion } from '../../src/cli/completion/bash.js';
import { fishCompletion } from '../../src/cli/completion/fish.js';
import { completedCommands } from '../../src/cli/completion/model.js';
import { zshCompletion } from '../../src/cli/completion/zsh.js';
import { program } from '../../src/cli/program.js';

const commands = completedCommands(program());

const hasShell = (shell: string): boolean => spawnSync(shell, ['-c', ':']).status === 0;

/** What bash offers for a line, whose last word is being written. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const script = `${bashCompletion(commands)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rlsd; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

describe.skipIf(!hasShell('bash'))('completion in bash', () => {
  it.each<[string, string[]]>([
    ['rlsd r', ['run', 'resume', 'replay']],
    ['rlsd resume --st', ['--steps', '--stage', '--stay']],
    ['rlsd graph --format ', ['mermaid', 'dot', 'json']],
    ['rlsd privileged ', ['ingest', 'list', 'forget']],
    ['rlsd privileged list runs/a --show', ['--show-privileged']],
    ['rlsd dead-letters runs/a req', ['requeue']],
    ['rlsd completion ', ['bash', 'zsh', 'fish']],
    ['rlsd nothing --', ['--help', '--version']],
    ['rlsd run --steps ', []],
  ])('%s', (line, words) => {
    expect(offered(line).sort()).toEqual(words.sort());
  });

  it('offers every command, and every option of each', () => {
    for (const { path, commands: below, options } of commands) {
      if (below.length > 0) expect(offered(['rlsd', ...path, ''].join(' '))).toEqual(below.map(({ name }) => name));
      else expect(offered(['rlsd', ...path, '-'].join(' '))).toEqual(options.map(({ long }) => long));
    }
  });
});

it.each(['zsh', 'fish'])('the script for %s parses', (shell) => {
  const script = shell === 'zsh' ? zshCompletion(commands) : fishCompletion(commands);
  for (const { path, options } of commands)
    for (const { long } of options)
      expect(script, path.join(' ')).toContain(shell === 'zsh' ? `${long}[` : `-l ${long.slice(2)}`);
  if (!hasShell(shell)) return;
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rlsd');
  writeFileSync(file, script);
  const { stderr, status } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
