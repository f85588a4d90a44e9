import { Argument } from 'commander';
import { readDeadLetters, requeueDeadLetters } from '../../runs/inspect/dead-letters.js';
import { openRunFolder, withRunFolder } from '../../runs/inspect/run-folder.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, say, table, toJson } from '../output.js';

interface Options {
  readonly json?: boolean;
}

export async function listDeadLetters(folder: string, { json }: Options): Promise<void> {
  const letters = await withRunFolder(folder, readDeadLetters);
  if (json) {
    for (const { value: _, ...letter } of letters) print(toJson(letter));
    return;
  }
  if (letters.length === 0) return print('no dead letters');
  const rows = letters.map(({ id, stage, cause, key, requeued, error }) => [
    id,
    stage,
    cause,
    key,
    requeued ? 'yes' : 'no',
    error,
  ]);
  print(table(['id', 'stage', 'cause', 'key', 'requeued', 'error'], rows));
}

export async function requeue(folder: string, { json }: Options): Promise<void> {
  const run = await openRunFolder(folder, { readOnly: false });
  try {
    const { requeued, left, needsSteps } = await requeueDeadLetters(run);
    for (const letter of left)
      say(`${letter.id}: cannot be requeued: ${letter.key} never became a prompt (${letter.error})`);
    if (json) print(toJson({ event: 'requeued', requeued, needsSteps, left: left.map(({ id }) => id) }));
    else if (requeued === 0) print('nothing to requeue');
    else print(requeuedText(folder, requeued, needsSteps));
  } finally {
    await run.log.close();
  }
}

function requeuedText(folder: string, requeued: number, needsSteps: number | null): string {
  const [prompts, them] = requeued === 1 ? ['1 prompt', 'it'] : [`${requeued} prompts`, 'them'];
  if (needsSteps === null) return `${prompts} requeued; \`rlsd resume ${folder}\` processes ${them}`;
  const command = `rlsd resume ${folder} --steps ${needsSteps}`;
  return `${prompts} requeued after the last step of the run; \`${command}\` trains on ${them}`;
}

const actions = { list: listDeadLetters, requeue };

export const registerDeadLetters: Register = (rlsd) => {
  const command = rlsd
    .command('dead-letters <run>')
    .description('list the records that failed, or put their prompts back')
    .addArgument(new Argument('[action]', 'what to do').choices(Object.keys(actions)).default('list'))
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd dead-letters runs/a'], ['rlsd dead-letters runs/a requeue']));
  command.action((folder: string, action: keyof typeof actions, options: Options) => actions[action](folder, options));
};
