import { showSample } from '../../replay/sample.js';
import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, toJson } from '../output.js';
import { sampleText } from '../sample-text.js';

interface Options {
  readonly sample: string;
  readonly showPrivileged?: boolean;
  readonly json?: boolean;
}

export async function showRun(folder: string, { sample, showPrivileged = false, json }: Options): Promise<void> {
  const run = await openRunFolder(folder);
  try {
    const shown = await showSample(run, folder, sample, { showPrivileged });
    print(json ? toJson({ event: 'sample', ...shown }) : sampleText(shown));
  } finally {
    await run.log.close();
  }
}

export const registerShow: Register = (rlsd) => {
  rlsd
    .command('show <run>')
    .description("show one sample: its prompt, completion and verdict, and each token's credit")
    .requiredOption('--sample <prompt/index>', 'the sample, such as sum-7/3')
    .option('--show-privileged', 'also show the reference answer and what the teacher was shown')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd show runs/arithmetic-1 --sample sum-7/3', 'in colour on a terminal, otherwise a line per token'],
        ['rlsd show runs/arithmetic-1 --sample sum-7/3 --json'],
      ),
    )
    .action(showRun);
};
