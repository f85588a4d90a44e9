import type { CompletedCommand, Values } from './model.js';

/** A word in single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Completion for bash 3.2 and later. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path.join(' ')));
  return `# bash completion for rlsd: eval "$(rlsd completion bash)"
_rlsd() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' next word i=1
  for ((; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    next=\${command:+$command }$word
    case $next in
      ${paths.join(' | ')}) command=$next ;;
      *) break ;;
    esac
  done
  COMPREPLY=()
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case $command in
${commands.map(wordCase).join('\n')}
  esac
}
complete -o default -F _rlsd rlsd`;
}

/** What follows an option. */
function valueCases({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ long, short, values }) => {
    if (values === undefined) return [];
    const names = [long, ...(short === undefined ? [] : [short])];
    return [`    ${names.map((name) => quoted(`${path.join(' ')} ${name}`)).join(' | ')}) ${reply(values)}; return ;;`];
  });
}

/** Where a shell has no words of its own, it completes paths. */
function reply(values: Values): string {
  if (typeof values !== 'string') return `COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$cur"))`;
  return values === 'folder' ? 'COMPREPLY=($(compgen -d -- "$cur"))' : ':';
}

/** Names of commands, of options after a dash, and of what an argument can be. */
function wordCase({ path, commands, options, arguments: args }: CompletedCommand): string {
  const flags = options.map(({ long }) => long);
  const words = [...commands.map(({ name }) => name), ...args.flatMap((one) => (typeof one === 'string' ? [] : one))];
  const dashed = `[[ $cur == -* ]] && COMPREPLY=($(compgen -W ${quoted(flags.join(' '))} -- "$cur"))`;
  const others = words.length === 0 ? '' : ` || COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$cur"))`;
  return `    ${quoted(path.join(' '))}) ${dashed}${others} ;;`;
}
