import type { Command, Option } from 'commander';

/** What a value can be: one of some words, a path, or anything. */
export type Values = readonly string[] | 'file' | 'folder' | 'any';

export interface CompletedOption {
  readonly long: string;
  readonly short: string | undefined;
  readonly description: string;
  /** undefined for an option without a value. */
  readonly values: Values | undefined;
  readonly repeats: boolean;
}

/** A command as a shell completes it. */
export interface CompletedCommand {
  /** The words after `rlsd`; none for `rlsd` itself. */
  readonly path: readonly string[];
  readonly description: string;
  /** Names and descriptions of the commands below it. */
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Of its arguments, in order. */
  readonly arguments: readonly Values[];
}

/** Every command of a program, itself first. */
export function completedCommands(command: Command, path: readonly string[] = []): CompletedCommand[] {
  const shown = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
  const own: CompletedCommand = {
    path,
    description: command.description(),
    commands: shown.map((one) => ({ name: one.name(), description: one.description() })),
    options: command.createHelp().visibleOptions(command).map(completedOption),
    arguments: command.registeredArguments.map((one) => one.argChoices ?? pathKind(one.name())),
  };
  return [own, ...shown.flatMap((one) => completedCommands(one, [...path, one.name()]))];
}

function completedOption(option: Option): CompletedOption {
  const { long, short, description, argChoices, variadic, flags } = option;
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  return {
    long: long ?? short ?? flags,
    short: long ? short : undefined,
    description,
    values: placeholder === undefined ? undefined : (argChoices ?? pathKind(placeholder)),
    repeats: variadic || description.includes('(repeatable)'),
  };
}

/** Arguments and options that take a path, by the name of their placeholder. */
function pathKind(name: string): Values {
  if (/^(folder|dir|run|other)$/.test(name)) return 'folder';
  return /^file$|\.yaml$/.test(name) ? 'file' : 'any';
}
