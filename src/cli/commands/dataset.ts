import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { datasetRows, datasetTopic } from '../../runs/inspect/dataset.js';
import { withRunFolder } from '../../runs/inspect/run-folder.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, toJson } from '../output.js';

interface Options {
  readonly topic?: string;
  readonly out: string;
  readonly json?: boolean;
}

async function dataset(folder: string, { topic: wanted, out, json }: Options): Promise<void> {
  await withRunFolder(folder, async ({ log, plan }) => {
    const topic = datasetTopic(plan, wanted);
    let rows = 0;
    const lines = async function* () {
      for await (const row of datasetRows(log, topic)) {
        rows++;
        yield `${JSON.stringify(row)}\n`;
      }
    };
    await pipeline(Readable.from(lines()), createWriteStream(out));
    print(json ? toJson({ event: 'dataset', topic, rows, path: out }) : `${rows} samples of ${topic} in ${out}`);
  });
}

export const registerDataset: Register = (rlsd) => {
  rlsd
    .command('dataset <run>')
    .description(
      'write judged samples as a data set of chats: JSON lines with messages, completion, reward and verdict',
    )
    .requiredOption('--out <file>', 'file to write')
    .option('--topic <topic>', 'a topic of verdicts. Default: behind the last transform')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd dataset runs/best --out best.jsonl', 'what transform: { verdicts: [bestOf] } kept, for rlsd supervise'],
        ['rlsd dataset runs/arithmetic-1 --topic verdicts --out all.jsonl'],
      ),
    )
    .action(dataset);
};
