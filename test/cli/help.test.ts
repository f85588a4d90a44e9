import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';

/** Every command with an action, by its words after `rlsd`. */
function commandsOf(parent: Command, words: readonly string[] = []): Map<string, Command> {
  const found = new Map<string, Command>();
  for (const command of parent.commands) {
    const path = [...words, command.name()];
    if (command.commands.length === 0) found.set(path.join(' '), command);
    for (const [name, inner] of commandsOf(command, path)) found.set(name, inner);
  }
  return found;
}

const commands = commandsOf(program());

/** What a command prints for `--help`. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

const examples = [...commands].flatMap(([name, command]) =>
  helpOf(command)
    .split('\n')
    .filter((line) => line.startsWith(`  rlsd ${name.split(' ')[0]} `))
    .map((line) => [name, line.trim()] as const),
);

describe('rlsd --help', () => {
  it('lists every command', () => {
    expect([...commands.keys()]).toEqual(
      expect.arrayContaining([
        ...['run', 'resume', 'check', 'graph', 'topics', 'tail', 'lag', 'replay', 'export', 'import'],
        ...['lineage', 'dead-letters', 'privileged ingest', 'privileged list', 'privileged forget'],
        ...['eval', 'shape', 'verify'],
      ]),
    );
  });

  it.each([...commands])('describes %s', (_, command) => {
    expect(command.description()).not.toBe('');
    for (const { flags, description } of command.options) expect(description, flags).not.toBe('');
  });

  it.each([...commands])('has an example of %s', (_, command) => {
    expect(helpOf(command)).toMatch(/^Examples:$/m);
  });

  it.each([...commands])('says what each value of %s can be', (_, command) => {
    for (const { flags, description, argChoices } of command.options) {
      const [, placeholder] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? [];
      if (placeholder === undefined || /^(file|folder|dir)$/.test(placeholder) || argChoices) continue;
      expect(description, flags).toMatch(
        /such as|: |from \d|more .* than|following|any text|one sample|system message/,
      );
    }
  });

  it.each(examples)('%s: the example `%s` parses', (name, line) => {
    const words = line
      .split(/\s+[#|<]/)[0]
      ?.split(/\s+/)
      .slice(1 + name.split(' ').length);
    const command = commands.get(name);
    const parsed = command?.exitOverride().parseOptions(words ?? []);
    expect(parsed?.unknown).toEqual([]);
    const required = command?.registeredArguments.filter((argument) => argument.required) ?? [];
    expect(parsed?.operands.length).toBeGreaterThanOrEqual(required.length);
  });
});
