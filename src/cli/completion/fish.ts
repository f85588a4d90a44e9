import type { CompletedCommand, Values } from './model.js';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Completion for fish. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  return [
    '# fish completion for rlsd: rlsd completion fish | source',
    'complete -c rlsd -f',
    ...commands.flatMap(linesOf),
  ].join('\n');
}

function linesOf(command: CompletedCommand): string[] {
  const { path, commands, options, arguments: args } = command;
  const below = commands.map(({ name }) => name).join(' ');
  const inside = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const condition = (parts: readonly string[]) => (parts.length === 0 ? '' : ` -n ${quoted(parts.join('; and '))}`);
  const here = condition([...inside, ...(below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`])]);
  return [
    ...commands.map(({ name, description }) => `complete -c rlsd${here} -a ${name} -d ${quoted(description)}`),
    ...(args.length > 0 ? [`complete -c rlsd${here} ${args.map(argument).join(' ')}`] : []),
    ...options.map(({ long, short, description, values }) => {
      const names = [`-l ${long.replace(/^--/, '')}`, ...(short === undefined ? [] : [`-s ${short.replace('-', '')}`])];
      return (
        `complete -c rlsd${here} ${names.join(' ')}${values === undefined ? '' : ` ${value(values)}`} -d ` +
        `${quoted(description)}`
      );
    }),
  ];
}

const argument = (values: Values): string => (typeof values === 'string' ? '-F' : `-a ${quoted(values.join(' '))}`);

function value(values: Values): string {
  if (typeof values !== 'string') return `-x -a ${quoted(values.join(' '))}`;
  return values === 'any' ? '-x' : '-r -F';
}
