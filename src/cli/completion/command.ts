import { Argument } from 'commander';
import { examples, type Register } from '../options.js';
import { print } from '../output.js';
import { bashCompletion } from './bash.js';
import { fishCompletion } from './fish.js';
import { completedCommands } from './model.js';
import { zshCompletion } from './zsh.js';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

export const registerCompletion: Register = (rlsd) => {
  rlsd
    .command('completion')
    .description('print what a shell needs to complete commands, options and values')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      examples(
        ['eval "$(rlsd completion bash)"', 'in ~/.bashrc'],
        ['source <(rlsd completion zsh)', 'in ~/.zshrc, after compinit'],
        ['rlsd completion fish | source', 'in ~/.config/fish/config.fish'],
      ),
    )
    .action((shell: keyof typeof shells) => print(shells[shell](completedCommands(rlsd))));
};
