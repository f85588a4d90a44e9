import { type Command, InvalidArgumentError, Option } from 'commander';

/** Adds a command to `rlsd`. Each module in `commands/` exports one or more. */
export type Register = (rlsd: Command) => void;

export const jsonOption = (): Option => new Option('--json', 'one JSON object per line on stdout, messages on stderr');

export const setOption = (): Option =>
  new Option(
    '--set <path=value>',
    'override a field of the pipeline, such as learn.lr=1e-5 or shape=grpo (repeatable)',
  ).argParser(collect);

/** Values of a repeatable option. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function nonNegativeInteger(value: string): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('Expected an integer of at least 0.');
  return number;
}

export function positiveInteger(value: string): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('Expected an integer of at least 1.');
  return number;
}

export function nonNegativeNumber(value: string): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!(number >= 0 && Number.isFinite(number))) throw new InvalidArgumentError('Expected a number of at least 0.');
  return number;
}

/** Help text with examples, each a command line and, where it helps, what it does. */
export const examples = (...lines: readonly (readonly [command: string, comment?: string])[]): string => {
  const width = Math.max(...lines.map(([command]) => command.length));
  const line = ([command, comment]: readonly [string, string?]) =>
    comment === undefined ? `  ${command}` : `  ${command.padEnd(width)}  # ${comment}`;
  return `\nExamples:\n${lines.map(line).join('\n')}`;
};
