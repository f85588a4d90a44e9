import type { CompletedCommand, CompletedOption, Values } from './model.js';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Text in a specification of `_arguments`, in which brackets and colons have a meaning. */
const described = (text: string): string => text.replaceAll(/[[\]:\\]/g, (one) => `\\${one}`);

const functionOf = (path: readonly string[]): string => ['_rlsd', ...path].join('_').replaceAll('-', '_');

/** Completion for zsh. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef rlsd
# zsh completion for rlsd: source <(rlsd completion zsh)
${commands.map(functionText).join('\n')}
compdef _rlsd rlsd`;
}

function functionText({ path, commands, options, arguments: args }: CompletedCommand): string {
  const flags = options.map(optionSpec);
  if (commands.length === 0) {
    const places = args.map((values, n) => quoted(`${n + 1}:argument:${action(values)}`));
    return `${functionOf(path)}() {\n  _arguments -s ${[...flags, ...places].join(' ')}\n}`;
  }
  const names = commands.map(({ name, description }) => quoted(`${name}:${description}`));
  const cases = commands.map(({ name }) => `    ${name}) ${functionOf([...path, name])} ;;`);
  return `${functionOf(path)}() {
  local -a names=(${names.join(' ')})
  local context state line
  _arguments -C ${[...flags, "'1: :->command'", "'*:: :->arguments'"].join(' ')}
  case $state in
    command) _describe command names ;;
    arguments) case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}`;
}

function optionSpec({ long, short, description, values, repeats }: CompletedOption): string {
  const value = values === undefined ? '' : `:value:${action(values)}`;
  const many = repeats ? '*' : '';
  const spec = (name: string) => quoted(`${many}${name}[${described(description)}]${value}`);
  return [long, ...(short === undefined ? [] : [short])].map(spec).join(' ');
}

function action(values: Values): string {
  if (typeof values !== 'string') return `(${values.join(' ')})`;
  return values === 'folder' ? '_files -/' : values === 'file' ? '_files' : ' ';
}
