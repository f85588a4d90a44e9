import { readDeadLetters, requeueDeadLetters } from '../runs/dead-letters.js';
import { openRunFolder } from '../runs/open-run.js';
import { print, say, table, toJson } from './output.js';

interface Options {
  readonly json?: boolean;
}

export async function listDeadLetters(folder: string, { json }: Options): Promise<void> {
  const run = await openRunFolder(folder);
  const letters = await readDeadLetters(run);
  await run.log.close();
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
    const { requeued, left } = await requeueDeadLetters(run);
    for (const letter of left)
      say(`${letter.id}: cannot be put back: ${letter.key} never became a prompt (${letter.error})`);
    if (json) print(toJson({ event: 'requeued', requeued, left: left.map(({ id }) => id) }));
    else if (requeued === 0) print('no prompt to put back');
    else print(`${requeued} prompts put back; \`rlsd resume ${folder}\` goes on with them`);
  } finally {
    await run.log.close();
  }
}
