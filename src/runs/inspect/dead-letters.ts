import { takeToken, tokenAppend } from '../../pipelines/feeds/token.js';
import { promptsPerStep, stepsOf } from '../../pipelines/spec/sections.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import type { DeadLetter, Prompt } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { get } from '../../support/required.js';
import type { Consumer } from '../../topics/log.js';
import { newTrace, toAppend, traced } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';
import type { RunFolder } from './run-folder.js';

export interface ListedLetter extends DeadLetter {
  readonly requeued: boolean;
}

/** What was put back. */
export interface Requeued {
  readonly requeued: number;
  readonly left: ListedLetter[];
  /** Steps that the run has to have so that all of them are trained on; null if it has enough. */
  readonly needsSteps: number | null;
}

const origin = (id: string) => `dead-letter:${id}`;

export async function readDeadLetters({ log }: Pick<RunFolder, 'log'>): Promise<ListedLetter[]> {
  const back = new Set<string>();
  for await (const prompt of recordsOf(log, 'prompts'))
    if (prompt.source.startsWith('dead-letter:')) back.add(prompt.source);
  const letters: ListedLetter[] = [];
  for await (const letter of recordsOf(log, 'dead-letters'))
    letters.push({ ...letter, requeued: back.has(origin(letter.id)) });
  return letters;
}

/**
 * Requeues the prompt of each dead letter once, as the next prompt of the run: the failed record itself would be too
 * late, since its step was trained without it. While prompts are still being written, it counts towards
 * `prompts.limit`. Prompts after the last step wait until the run gets more steps.
 */
export async function requeueDeadLetters(run: RunFolder): Promise<Requeued> {
  const letters = (await readDeadLetters(run)).filter((letter) => !letter.requeued);
  const wanted = new Map<string, ListedLetter>();
  for (const letter of letters) if (!wanted.has(letter.key)) wanted.set(letter.key, letter);
  const found = new Map<string, Prompt>();
  for await (const prompt of recordsOf(run.log, 'prompts'))
    if (wanted.has(prompt.promptId)) found.set(prompt.promptId, prompt);
  if (found.size === 0) return { requeued: 0, left: [...wanted.values()], needsSteps: null };
  const consumer = await run.log.consumer('ingest', ['source']);
  try {
    return await putBack(run, consumer, wanted, found);
  } finally {
    await consumer.close();
  }
}

async function putBack(
  run: RunFolder,
  consumer: Consumer,
  wanted: ReadonlyMap<string, ListedLetter>,
  found: ReadonlyMap<string, Prompt>,
): Promise<Requeued> {
  const held = await takeToken(run.log, consumer, AbortSignal.timeout(15_000));
  if (!held)
    throw new UserError('run-live', 'another process writes the prompts of this run: stop its ingest stage first');
  const { places, sequence, done } = held.token;
  const { spec } = run.plan;
  const perStep = BigInt(promptsPerStep(spec));
  const appends = [...found.values()].map((prompt, i) => {
    const place = sequence + BigInt(i);
    const promptId = `${prompt.promptId}~${place}`;
    const append = toAppend('prompts', {
      ...prompt,
      promptId,
      sequence: place,
      step: Number(place / perStep),
      source: origin(get(wanted, prompt.promptId).id),
    });
    return traced(append, newTrace(prompt.run, promptId), 'requeue');
  });
  const next = { places, sequence: sequence + BigInt(appends.length), ...(done && { done }) };
  const offsets = [{ topic: 'source', partition: 0, offset: held.offset }];
  await consumer.commit({ appends: [...appends, tokenAppend(next)], offsets });
  const left = [...wanted.values()].filter((letter) => !found.has(letter.key));
  return { requeued: appends.length, left, needsSteps: stepsFor(next.sequence, spec) };
}

/**
 * The number of steps that trains on every prompt, where the run has fewer; without a learner there is no last step.
 */
function stepsFor(prompts: bigint, spec: PipelineSpec): number | null {
  if (spec.learn === undefined) return null;
  const { every } = spec.publish;
  const steps = Math.ceil(Number(prompts) / promptsPerStep(spec) / every) * every;
  return steps > stepsOf(spec) ? steps : null;
}
