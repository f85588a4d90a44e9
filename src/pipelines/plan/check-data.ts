import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { openSource } from '../../sources/prompts.js';
import { type Found as Item, isBad, type PromptSource, type SourceItem } from '../../sources/source.js';
import { UserError } from '../../support/errors.js';
import type { Verifier } from '../../verifiers/verifier.js';
import { tasksOf } from '../spec/tasks.js';
import { openVerifiers } from './components.js';
import type { Plan } from './plan.js';

/** What `checkData` found. */
export interface DataReport {
  /** Prompts read, bad ones included. */
  readonly checked: number;
  /** One line each, with the place of the prompt in its source. */
  readonly problems: readonly string[];
}

/** Prompts of a generator that are checked, per task: it never ends. */
const GENERATED = 1000;
const AT_ONCE = 16;

/**
 * Reads every prompt of a plan, the held-out ones included, and lets the task's verifier check its reference.
 *
 * @throws {UserError} for a source or a verifier that cannot be opened
 */
export async function checkData({ spec, folder, components }: Plan): Promise<DataReport> {
  const verifiers = await openVerifiers(spec, folder, components);
  try {
    const reports: DataReport[] = [];
    for (const { name, prompts, limit } of tasksOf(spec)) {
      if (!prompts) continue;
      const source = await openSource({ prompts, seed: spec.seed, trains: false }, folder);
      // Nothing of the run is open, and so no topic.
      const most = 'topic' in prompts ? 0 : (limit ?? ('file' in prompts ? Number.POSITIVE_INFINITY : GENERATED));
      reports.push(await checkSource(source, most, verifiers.get(name)));
    }
    return {
      checked: reports.reduce((sum, { checked }) => sum + checked, 0),
      problems: reports.flatMap(({ problems }) => problems),
    };
  } finally {
    for (const verifier of verifiers.values()) await verifier.close();
  }
}

/** A prompt, or what is wrong with its line. */
type Found = SourceItem | UserError;

async function checkSource(
  source: PromptSource<Item | null>,
  most: number,
  verifier: Verifier | undefined,
): Promise<DataReport> {
  const problems = await lastValueFrom(
    from(promptsOf(source, most)).pipe(
      mergeMap((found) => problemOf(found, verifier), AT_ONCE),
      toArray(),
    ),
  );
  return { checked: problems.length, problems: problems.flatMap((problem) => problem ?? []) };
}

/** The held-out prompts, then up to `most` others: one pass of the source. */
async function* promptsOf(source: PromptSource<Item | null>, most: number): AsyncGenerator<Found> {
  yield* source.heldOut;
  if (most === 0) return;
  let count = 0;
  for await (const { pass, found } of source.from(0n)) {
    if (found === null || pass > 0 || count++ >= most) return;
    yield isBad(found) ? found.error : found;
  }
}

async function problemOf(found: Found, verifier: Verifier | undefined): Promise<string | undefined> {
  if (found instanceof UserError) return found.message;
  const { itemId, question, answer, data, source } = found;
  try {
    await verifier?.checkItem?.({ itemId, question, reference: { answer, data } }, source);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    return `${source}: the check of the reference failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
