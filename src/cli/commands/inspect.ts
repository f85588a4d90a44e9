import { isShared } from '../../pipelines/plan/plan.js';
import { lagColumns } from '../../pipelines/running/figures.js';
import { lagByStage, stageLag } from '../../runs/inspect/lag.js';
import { withRunFolder } from '../../runs/inspect/run-folder.js';
import { placeLines, runPlace } from '../../runs/inspect/waiting.js';
import { topicDigest } from '../../topics/digest.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, table, toJson } from '../output.js';

export async function topics(folder: string, { json }: { json?: boolean }): Promise<void> {
  const rows = await withRunFolder(folder, async ({ log, plan }) => {
    const names = plan.topics.map(({ name }) => name).sort();
    const found = [];
    for (const name of names.filter((one) => one !== 'source' && !isShared(one)))
      found.push(await topicDigest(log, name));
    return found;
  });
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
  const { rows, place } = await withRunFolder(folder, async ({ log, plan }) => {
    const rows = await stageLag(plan, log);
    return { rows, place: await runPlace(plan, log, rows) };
  });
  if (json) for (const [i, row] of rows.entries()) print(toJson({ ...row, next: place.next[i] ?? null }));
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
    for (const line of placeLines(rows, place, Date.now())) print(line);
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
    .description('records that each stage has yet to process, and what the run waits for')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd lag runs/arithmetic-1'], ['rlsd lag runs/arithmetic-1 --json']))
    .action(lag);
};
