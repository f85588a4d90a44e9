import { findTopic } from '../../replay/topics.js';
import { describeRecord } from '../../runs/inspect/describe.js';
import { type RecordQuery, recordFilter } from '../../runs/inspect/filter.js';
import { hasRedactedFields, isSourceTopic } from '../../runs/inspect/redact.js';
import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { tailRecords } from '../../runs/inspect/tail.js';
import { collect, examples, jsonOption, nonNegativeInteger, type Register } from '../options.js';
import { print, say, toJson } from '../output.js';

interface TailOptions extends RecordQuery {
  readonly lines: number;
  readonly follow?: boolean;
  readonly showPrivileged?: boolean;
  readonly json?: boolean;
}

export async function tail(folder: string, topic: string, options: TailOptions): Promise<void> {
  const { lines, follow = false, showPrivileged = false, json = false } = options;
  const stop = new AbortController();
  const { log, plan } = await openRunFolder(folder);
  try {
    const info = await findTopic(log, topic);
    const accepts = recordFilter(topic, options, showPrivileged);
    const isSource = isSourceTopic(plan.spec, topic);
    if (!showPrivileged && (isSource || hasRedactedFields(topic)))
      say('privileged fields are redacted; --show-privileged shows them');
    process.once('SIGINT', () => {
      process.exitCode = 130;
      stop.abort();
    });
    let found = 0;
    for await (const record of tailRecords(log, info, { lines, follow, accepts, signal: stop.signal })) {
      print(toJson(describeRecord(record, { showPrivileged, isSource, exact: json })));
      found++;
    }
    if (found === 0 && accepts && lines > 0) say(`no record of ${topic} matches`);
  } finally {
    await log.close();
  }
}

export const registerTail: Register = (rlsd) => {
  rlsd
    .command('tail <run> <topic>')
    .description('print the last records of a topic, decoded')
    .option('-n, --lines <n>', 'number of records, from 0', nonNegativeInteger, 10)
    .option('-f, --follow', 'wait for more records')
    .option('--prompt <id>', 'only records of this prompt or item, or of one sample: PROMPT/INDEX')
    .option('--step <n>', 'only records of this step, from 0', nonNegativeInteger)
    .option('--verdict <verdict>', 'only samples judged so, such as correct, incorrect or unparseable')
    .option(
      '--where <field=value>',
      'only records with this value, such as values.loss>2; also !=, <, <=, >, >= (repeatable)',
      collect,
    )
    .option('--show-privileged', 'show the fields that only the teacher may see')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd tail runs/arithmetic-1 verdicts -n 3'],
        ['rlsd tail runs/arithmetic-1 verdicts --step 4 --verdict incorrect'],
        [
          'rlsd tail runs/arithmetic-1 metrics --where stage=learn --where values.loss>2',
          'fields of a map by their path',
        ],
        ['rlsd tail runs/arithmetic-1 metrics --follow'],
      ),
    )
    .action(tail);
};
