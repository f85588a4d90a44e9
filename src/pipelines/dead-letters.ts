import { UserError } from '../errors.js';
import type { DeadLetter, Prompt } from '../topics/records.js';
import { scan } from '../topics/scan.js';
import type { RunFolder } from './open-run.js';
import { fromRecord, toAppend } from './wire.js';

export interface ListedLetter extends DeadLetter {
  readonly requeued: boolean;
}

const origin = (id: string) => `dead-letter:${id}`;

export async function readDeadLetters({ log }: Pick<RunFolder, 'log'>): Promise<ListedLetter[]> {
  const back = new Set<string>();
  for await (const prompt of prompts({ log })) if (prompt.source.startsWith('dead-letter:')) back.add(prompt.source);
  const letters: ListedLetter[] = [];
  for await (const record of scan(log, 'dead-letters', 0)) {
    if (record.value === null) continue;
    const letter = fromRecord('dead-letters', { ...record, value: record.value });
    letters.push({ ...letter, requeued: back.has(origin(letter.id)) });
  }
  return letters;
}

/**
 * Puts what failed back: the prompt behind each dead letter is asked again, once, as the next prompt of the run. Its step was trained without
 * it, so the failed record itself would come too late.
 * @throws {UserError} `run-finished` when no step is left to take them
 */
export async function requeueDeadLetters(
  run: RunFolder,
): Promise<{ readonly requeued: number; readonly left: ListedLetter[] }> {
  const letters = (await readDeadLetters(run)).filter((letter) => !letter.requeued);
  const wanted = new Map<string, ListedLetter>();
  for (const letter of letters) if (!wanted.has(letter.key)) wanted.set(letter.key, letter);
  const found = new Map<string, Prompt>();
  let sequence = 0n;
  for await (const prompt of prompts(run)) {
    if (prompt.sequence >= sequence) sequence = prompt.sequence + 1n;
    if (wanted.has(prompt.promptId)) found.set(prompt.promptId, prompt);
  }
  const { spec } = run.plan;
  const perStep = BigInt(spec.learn.prompts);
  const room = BigInt(spec.steps) * perStep - sequence;
  if (BigInt(found.size) > room)
    throw new UserError(
      'run-finished',
      `found ${found.size} prompts to put back, and the run has room for ${room}: its ${spec.steps} steps have their prompts; nothing was changed`,
    );
  const appends = [...found.values()].map((prompt, i) => {
    const place = sequence + BigInt(i);
    return toAppend('prompts', {
      ...prompt,
      promptId: `${prompt.promptId}~${place}`,
      sequence: place,
      step: Number(place / perStep),
      source: origin(wanted.get(prompt.promptId)?.id ?? ''),
    });
  });
  if (appends.length > 0) await run.log.append(appends);
  return { requeued: appends.length, left: [...wanted.values()].filter((letter) => !found.has(letter.key)) };
}

async function* prompts({ log }: Pick<RunFolder, 'log'>): AsyncGenerator<Prompt> {
  const partitions = (await log.describe()).find(({ name }) => name === 'prompts')?.bounds ?? [];
  for (const partition of partitions.keys())
    for await (const record of scan(log, 'prompts', partition))
      if (record.value !== null) yield fromRecord('prompts', { ...record, value: record.value });
}
