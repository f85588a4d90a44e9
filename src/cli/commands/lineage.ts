import { lineageOf } from '../../replay/lineage.js';
import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { UserError } from '../../support/errors.js';
import { lineageText } from '../lineage-text.js';
import { examples, jsonOption, nonNegativeInteger, type Register } from '../options.js';
import { print, toJson } from '../output.js';

interface Options {
  readonly sample?: string;
  readonly token?: number;
  readonly document?: string;
  readonly step?: number;
  readonly json?: boolean;
}

export async function lineage(folder: string, { json, ...query }: Options): Promise<void> {
  const asked = [query.sample, query.document, query.step].filter((one) => one !== undefined);
  if (asked.length !== 1)
    throw new UserError(
      'bad-request',
      'lineage: expected exactly one of --sample PROMPT/INDEX, --document ID and --step N',
    );
  if (query.token !== undefined && !/\/\d+$/.test(query.sample ?? ''))
    throw new UserError('bad-request', '--token: needs one sample; expected --sample PROMPT/INDEX');
  const run = await openRunFolder(folder);
  try {
    const rows = await lineageOf(run, folder, query);
    if (json) for (const row of rows) print(toJson({ event: 'lineage', ...row }));
    else print(lineageText(rows));
  } finally {
    await run.log.close();
  }
}

export const registerLineage: Register = (rlsd) => {
  rlsd
    .command('lineage <run>')
    .description('show what a sample was made from, and which weights were trained on it')
    .option('--sample <prompt/index>', 'one sample, or all samples of a prompt')
    .option('--token <n>', 'one token of the completion, from 0', nonNegativeInteger)
    .option('--document <id>', 'every sample whose teacher was shown this document, such as manuals/pump.md')
    .option('--step <n>', 'every sample of a training step, from 0', nonNegativeInteger)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(['rlsd lineage runs/a --sample sum-7/3 --token 12'], ['rlsd lineage runs/a --document manuals/pump.md']),
    )
    .action(lineage);
};
