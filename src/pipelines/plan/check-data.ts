import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { openSource } from '../../sources/prompts.js';
import { type Found as Item, isBad, type PromptSource, type SourceItem } from '../../sources/source.js';
import { UserError } from '../../support/errors.js';
import type { Verifier } from '../../verifiers/verifier.js';
import { type Task, tasksOf } from '../spec/tasks.js';
import { openVerifiers } from './components.js';
import type { Plan } from './plan.js';

/** What `checkData` found. */
export interface DataReport {
  /** Prompts read, bad ones included. */
  readonly checked: number;
  /** One line each, with the place of the prompt in its source. */
  readonly problems: readonly string[];
}

/** Another check of each prompt. @returns one line per problem, with the place of the prompt in its source */
export type DataCheck = (task: Task, item: SourceItem, isHeldOut: boolean) => Promise<readonly string[]>;

/** Prompts of a generator that are checked, per task: it never ends. */
const GENERATED = 1000;
const AT_ONCE = 16;

/**
 * Reads every prompt of a plan, the held-out ones included, and lets the task's verifier check its reference.
 *
 * @throws {UserError} for a source or a verifier that cannot be opened
 */
export async function checkData(
  { spec, folder, components }: Plan,
  also: DataCheck = async () => [],
): Promise<DataReport> {
  const verifiers = await openVerifiers(spec, folder, components);
  try {
    const reports: DataReport[] = [];
    for (const task of tasksOf(spec)) {
      const { name, prompts, limit } = task;
      if (!prompts) continue;
      const source = await openSource({ prompts, seed: spec.seed, trains: false }, folder);
      // Nothing of the run is open, and so no topic.
      const most = 'topic' in prompts ? 0 : (limit ?? ('file' in prompts ? Number.POSITIVE_INFINITY : GENERATED));
      reports.push(await checkSource(source, most, verifiers.get(name), (...found) => also(task, ...found)));
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
interface Found {
  readonly found: SourceItem | UserError;
  readonly isHeldOut: boolean;
}

async function checkSource(
  source: PromptSource<Item | null>,
  most: number,
  verifier: Verifier | undefined,
  also: (item: SourceItem, isHeldOut: boolean) => Promise<readonly string[]>,
): Promise<DataReport> {
  const problems = await lastValueFrom(
    from(promptsOf(source, most)).pipe(
      mergeMap(async ({ found, isHeldOut }) => {
        if (found instanceof UserError) return [found.message];
        const problem = await problemOf(found, verifier);
        return [...(problem === undefined ? [] : [problem]), ...(await also(found, isHeldOut))];
      }, AT_ONCE),
      toArray(),
    ),
  );
  return { checked: problems.length, problems: problems.flat() };
}

/** The held-out prompts, then up to `most` others: one pass of the source. */
async function* promptsOf(source: PromptSource<Item | null>, most: number): AsyncGenerator<Found> {
  for (const found of source.heldOut) yield { found, isHeldOut: true };
  if (most === 0) return;
  let count = 0;
  for await (const { pass, found } of source.from(0n)) {
    if (found === null || pass > 0 || count++ >= most) return;
    yield { found: isBad(found) ? found.error : found, isHeldOut: false };
  }
}

async function problemOf(found: SourceItem, verifier: Verifier | undefined): Promise<string | undefined> {
  const { itemId, question, answer, data, source } = found;
  try {
    await verifier?.checkItem?.({ itemId, question, reference: { answer, data } }, source);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    return `${source}: the check of the reference failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
