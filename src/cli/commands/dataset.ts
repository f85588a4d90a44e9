import { datasetRows, datasetTopic, tokenRows } from '../../runs/inspect/dataset.js';
import { checkDatasetFile, writeDataset } from '../../runs/inspect/dataset-file.js';
import { withRunFolder } from '../../runs/inspect/run-folder.js';
import { UserError } from '../../support/errors.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, toJson } from '../output.js';

interface Options {
  readonly topic?: string;
  readonly tokens?: boolean;
  readonly showPrivileged?: boolean;
  readonly out: string;
  readonly json?: boolean;
}

async function dataset(folder: string, { topic: wanted, tokens, showPrivileged, out, json }: Options): Promise<void> {
  checkDatasetFile(out);
  if (tokens && wanted !== undefined)
    throw new UserError('bad-request', `--topic ${wanted}: --tokens takes the samples that were trained on`);
  if (showPrivileged && !tokens) throw new UserError('bad-request', '--show-privileged: expected with --tokens');
  await withRunFolder(folder, async ({ log, plan }) => {
    const topic = tokens ? 'advantages' : datasetTopic(plan, wanted);
    const found = tokens ? tokenRows({ log, plan }, { showPrivileged }) : datasetRows(log, topic);
    const rows = await writeDataset(found, out, { isPrivileged: showPrivileged });
    print(json ? toJson({ event: 'dataset', topic, rows, path: out }) : `${rows} samples of ${topic} in ${out}`);
  });
}

export const registerDataset: Register = (rlsd) => {
  rlsd
    .command('dataset <run>')
    .description('write judged samples as a data set, JSON lines or Parquet: messages, completion, reward and verdict')
    .requiredOption('--out <file>', 'file to write: .jsonl or .parquet')
    .option('--topic <topic>', 'a topic of verdicts. Default: behind the last transform')
    .option('--tokens', 'the samples that were trained on, with token ids, log-probabilities and token advantages')
    .option('--show-privileged', 'with --tokens: also the reference answer and what the teacher was shown')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd dataset runs/best --out best.jsonl', 'what transform: { verdicts: [bestOf] } kept, for rlsd supervise'],
        ['rlsd dataset runs/arithmetic-1 --topic verdicts --out all.jsonl'],
        ['rlsd dataset runs/arithmetic-1 --tokens --show-privileged --out trained.parquet', 'for other trainers'],
      ),
    )
    .action(dataset);
};
