import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';
import { blocksOf, pages, read, withoutBlocks } from './markdown.js';

interface Named {
  readonly at: string;
  readonly line: string;
}

/** Command lines of `rlsd` in the blocks and in the text of a page. */
function commandsOf(page: string): Named[] {
  const shell = blocksOf(page).filter(({ language }) => ['sh', 'console', 'text', 'yaml'].includes(language));
  const lines = shell.flatMap(({ at, text }) =>
    text
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => ({ at, line })),
  );
  const inText = [...withoutBlocks(read(page)).matchAll(/`((?:npx )?rlsd [a-z][^`]*)`/g)];
  return [...lines, ...inText.map(([, line = '']) => ({ at: page, line }))].flatMap(({ at, line }) => {
    const found = /(?:^|[$;|&#] ?)(?:npx )?rlsd ([a-z-][^|;&>]*)/.exec(line.trim());
    return found?.[1] === undefined ? [] : [{ at, line: found[1] }];
  });
}

/** Words as a shell splits them, without a comment. */
const words = (line: string): string[] =>
  [...line.replace(/\s#.*$/, '').matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word);

/** What is wrong with a command line. */
function wrong(line: string): string | undefined {
  let command: Command = program();
  const rest = words(line);
  for (let next = rest[0]; command.commands.length > 0; next = rest[0]) {
    const known = command.commands.find((one) => one.name() === next);
    if (!known) return command.name() === 'rlsd' ? `rlsd ${line}: no such command` : undefined;
    command = known;
    rest.shift();
  }
  const flags = rest.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0] ?? word);
  const unknown = flags.filter(
    (flag) => flag !== '--help' && !command.options.some(({ long, short }) => long === flag || short === flag),
  );
  return unknown.length === 0 ? undefined : `rlsd ${line}: ${command.name()} has no option ${unknown.join(', ')}`;
}

describe('commands in the guides', () => {
  it.each(pages)('%s: exist, with their options', (page) => {
    expect(commandsOf(page).flatMap(({ at, line }) => (wrong(line) ? [`${at}: ${wrong(line)}`] : []))).toEqual([]);
  });

  it('are found, and refused where they do not exist', () => {
    expect(commandsOf('README.md').length).toBeGreaterThan(10);
    expect(wrong('rnu examples/arithmetic.yaml')).toMatch('no such command');
    expect(wrong('run FILE --steps 3 --stepz 2')).toMatch('no option --stepz');
    expect(wrong("run FILE --set 'shape={rlsd: {lambda: 1}}' --json")).toBeUndefined();
  });
});
