import { isShared } from '../../pipelines/plan/plan.js';
import { lagColumns } from '../../pipelines/running/figures.js';
import { lagByStage, stageLag } from '../../runs/inspect/lag.js';
import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { topicDigest } from '../../topics/digest.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, table, toJson } from '../output.js';

export async function topics(folder: string, { json }: { json?: boolean }): Promise<void> {
  const { log, plan } = await openRunFolder(folder);
  const names = plan.topics.map(({ name }) => name).sort();
  const rows = [];
  for (const name of names.filter((one) => one !== 'source' && !isShared(one))) rows.push(await topicDigest(log, name));
  await log.close();
  if (json) for (const row of rows) print(toJson(row));
  else
    print(
      table(
        ['topic', 'records', 'digest'],
        rows.map(({ topic, count, digest }) => [topic, count, digest]),
      ),
    );
}

export async function lag(folder: string, { json }: { json?: boolean }): Promise<void> {
  const { log, plan } = await openRunFolder(folder);
  const rows = await stageLag(plan, log);
  await log.close();
  if (json) for (const row of rows) print(toJson(row));
  else {
    const cells = rows.map(({ stage, topic, partition, committed, end, lag: behind }) => [
      stage,
      topic,
      partition,
      Number(committed),
      Number(end),
      behind,
    ]);
    print(table(Object.keys(lagColumns), cells));
    const total = Object.values(lagByStage(rows)).reduce((sum, one) => sum + one, 0);
    print(
      total === 0 ? 'every stage has read its topic to the end' : `${total} record${total === 1 ? '' : 's'} to process`,
    );
  }
}

export const registerInspect: Register = (rlsd) => {
  rlsd
    .command('topics <run>')
    .description('record count and digest of each topic')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(['rlsd topics runs/arithmetic-1', 'two runs with equal digests have the same samples']),
    )
    .action(topics);
  rlsd
    .command('lag <run>')
    .description('records that each stage has yet to process')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd lag runs/arithmetic-1'], ['rlsd lag runs/arithmetic-1 --json']))
    .action(lag);
};
